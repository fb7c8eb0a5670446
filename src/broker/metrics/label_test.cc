#include "broker/metrics/label.h"

#include <gtest/gtest.h>

namespace weir::broker {
namespace {

TEST(LabelValue, KeepsPlainTextAndMarksTheRest) {
  EXPECT_EQ(label_value("billing-2 {a,b}"), "billing-2 {a,b}");
  EXPECT_EQ(label_value("a\"b\\c"), "a\\\"b\\\\c");
  EXPECT_EQ(label_value("a\nb"), "a\\\\x0ab");
  EXPECT_EQ(label_value("\xff"), "\\\\xff");
  EXPECT_EQ(label_value("ü"), "\\\\xc3\\\\xbc");
}

}  // namespace
}  // namespace weir::broker
