// The packed flags under the name that code about the PE uses; the layout itself is core/nzcv.h, which IR evaluation
// shares.
#pragma once
#include "core/nzcv.h"

namespace ferry::cpu {
using ferry::condition_holds;
using ferry::kNzcvC;
using ferry::kNzcvMask;
using ferry::kNzcvN;
using ferry::kNzcvV;
using ferry::kNzcvZ;
using ferry::make_nzcv;
using ferry::nzcv_from_arch;
using ferry::nzcv_to_arch;
}  // namespace ferry::cpu
