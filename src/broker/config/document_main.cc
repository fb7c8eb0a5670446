// Prints the page of all settings.
#include <cstdio>

#include "broker/config/document.h"

int main() {
  const std::string page = weir::broker::configuration_page();
  return std::fwrite(page.data(), 1, page.size(), stdout) == page.size() ? 0 : 1;
}
