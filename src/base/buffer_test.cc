#include "base/buffer.h"

#include <gtest/gtest.h>

#include <thread>

namespace weir {
namespace {

TEST(Buffer, IsSharedUntilTheLastReferenceAndThenReused) {
  Buffer buffer = Buffer::allocate(100'000);
  EXPECT_GE(buffer.capacity(), 100'000u);
  uint8_t* memory = buffer.data();
  Buffer second = buffer;
  EXPECT_FALSE(buffer.unique());
  second = {};
  EXPECT_TRUE(buffer.unique());
  buffer = {};
  EXPECT_EQ(Buffer::allocate(100'000).data(), memory);
}

TEST(Buffer, WithoutABlockHasNoBytes) {
  Buffer none;
  EXPECT_FALSE(none);
  EXPECT_EQ(none.data(), nullptr);
  EXPECT_EQ(none.capacity(), 0u);
  EXPECT_FALSE(none.unique());
}

TEST(Buffer, AssignmentToItselfKeepsTheBytes) {
  Buffer buffer = Buffer::allocate(10);
  buffer.data()[0] = 42;
  Buffer& same = buffer;
  buffer = same;
  EXPECT_EQ(buffer.data()[0], 42);
  EXPECT_TRUE(buffer.unique());
}

TEST(Buffer, HoldsAtLeastWhatWasAskedForAtEverySize) {
  for (size_t size :
       {size_t{0}, size_t{1}, size_t{4071}, size_t{4072}, size_t{4073}, size_t{1} << 20, size_t{200} << 20}) {
    const Buffer buffer = Buffer::allocate(size);
    EXPECT_GE(buffer.capacity(), size);
    if (size > 0) buffer.data()[size - 1] = 1;
  }
}

TEST(Buffer, LastReferenceMayBeDroppedOnAnotherThread) {
  for (int i = 0; i < 100; ++i) {
    Buffer buffer = Buffer::allocate(5000);
    buffer.data()[4999] = static_cast<uint8_t>(i);
    std::jthread thread([copy = buffer, i] { EXPECT_EQ(copy.data()[4999], static_cast<uint8_t>(i)); });
    buffer = {};
  }
}

}  // namespace
}  // namespace weir
