#include "frontend/landing.h"

namespace ferry::frontend {

unsigned landing_in_guarded_page(u32 word, bool bt, cpu::FeatureSet features) {
  constexpr unsigned kBr1617 = 1u << 1, kBlr = 1u << 2, kBr = 1u << 3;
  const bool brk = (word & 0xffe0001f) == 0xd4200000, hlt = (word & 0xffe0001f) == 0xd4400000;
  if (brk || hlt) return kBr1617 | kBlr | kBr;
  if ((word & 0xfffff01f) != 0xd503201f) return 0;
  switch (bits(word, 11, 5)) {
    case 34: return kBr1617 | kBlr;        // BTI c
    case 36: return kBr1617 | kBr;         // BTI j
    case 38: return kBr1617 | kBlr | kBr;  // BTI jc
    case 25:                               // PACIASP
    case 27:                               // PACIBSP
      if (!features.has(cpu::Feature::PAuth)) return 0;
      return kBr1617 | kBlr | (bt ? 0 : kBr);
    default: return 0;
  }
}

}  // namespace ferry::frontend
