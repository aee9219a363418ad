#include "runtime/executions.h"

namespace ferry::runtime {

void Executions::add(std::span<const u32> words, u64 times) {
  if (words.empty() || times == 0) return;
  blocks += times;
  insns += times * words.size();
  // Branches, Exception Generating and System instructions (Arm ARM C4.1)
  constexpr u32 kRet = 0xd65f03c0, kRetAuthenticated = 0xd65f0bff;
  const u32 last = words.back();
  const u32 group = last >> 24;
  if ((last & 0xfffffbff) == kRetAuthenticated || last == kRet)
    returns += times;
  else if (group == 0xd4 || group == 0xd5 || (last & 0xff800000) == 0xd6800000)
    return;  // SVC and the like, system instructions, ERET and DRPS: by way of the dispatcher
  else if ((last & 0xfe000000) == 0xd6000000)
    indirect += times;
  else
    direct += times;
}

}  // namespace ferry::runtime
