// The page docs/operations/configuration.md, made from the tables of settings. Plain function; any thread.
#pragma once

#include <string>

namespace weir::broker {

std::string configuration_page();

}  // namespace weir::broker
