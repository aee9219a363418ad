// The text form of IR, for people, golden tests and failure reports.
#pragma once
#include <string>

#include "ir/block.h"

namespace ferry::ir {

// One line an instruction: "%7 = add.i64 %3, %5".
std::string print(const Block& block);
std::string print(const Block& block, Value index);

}  // namespace ferry::ir
