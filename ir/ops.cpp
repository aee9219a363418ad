#include "ir/block.h"

namespace ferry::ir {
namespace {

constexpr bool letters_known() {
  for (const OpInfo& i : kOpInfo)
    if (std::string_view("TWXV-").find(i.result) == std::string_view::npos) return false;
  return true;
}
static_assert(letters_known(), "unknown result letter in ops.def");

}  // namespace
}  // namespace ferry::ir
