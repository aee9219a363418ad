// For statistics.
#pragma once
#include "core/types.h"

namespace ferry::softmmu {

// Why a page was not in the table that an access looked in.
enum class MissCause : u8 {
  First,        // nothing has stood in its place since the bank was made for this context
  Conflict,     // another page stood there
  Maintenance,  // it was taken out by a TLBI or a change of the memory map
  Context,      // the bank had been given to another context meanwhile
  CodePage,     // a store to a page with translated code, or that is watched for changes
  Device,       // device registers, and Device memory while translation is on, stand in no table
  Watched,      // a watchpoint keeps it out
  Refused,      // the access has no translation or no permission, or nothing is there
  kCount,
};
constexpr usize kMissCauses = static_cast<usize>(MissCause::kCount);

}  // namespace ferry::softmmu
