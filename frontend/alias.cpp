#include "frontend/alias.h"

#include <capstone/arm64.h>

namespace ferry::frontend {
namespace {

unsigned base_of_immediate(unsigned id, u32 word) {
  switch (bits(word, 25, 23)) {
    case 2: return bit(word, 30) ? ARM64_INS_SUB : ARM64_INS_ADD;
    case 4: {  // logical
      constexpr unsigned kLogical[] = {ARM64_INS_AND, ARM64_INS_ORR, ARM64_INS_EOR, ARM64_INS_AND};
      return kLogical[bits(word, 30, 29)];
    }
    case 5: {  // move wide
      constexpr unsigned kMove[] = {ARM64_INS_MOVN, ARM64_INS_INVALID, ARM64_INS_MOVZ, ARM64_INS_MOVK};
      return kMove[bits(word, 30, 29)];
    }
    case 6: {  // bitfield
      constexpr unsigned kField[] = {ARM64_INS_SBFM, ARM64_INS_BFM, ARM64_INS_UBFM, ARM64_INS_INVALID};
      return kField[bits(word, 30, 29)];
    }
    case 7: return ARM64_INS_EXTR;
    default: return id;
  }
}

unsigned base_of_register(unsigned id) {
  switch (id) {
    case ARM64_INS_MOV: return ARM64_INS_ORR;
    case ARM64_INS_MVN: return ARM64_INS_ORN;
    case ARM64_INS_TST: return ARM64_INS_AND;
    case ARM64_INS_CMN: return ARM64_INS_ADD;
    case ARM64_INS_CMP:
    case ARM64_INS_NEG:
    case ARM64_INS_NEGS: return ARM64_INS_SUB;
    case ARM64_INS_NGC:
    case ARM64_INS_NGCS: return ARM64_INS_SBC;
    case ARM64_INS_MUL: return ARM64_INS_MADD;
    case ARM64_INS_MNEG: return ARM64_INS_MSUB;
    case ARM64_INS_SMULL: return ARM64_INS_SMADDL;
    case ARM64_INS_SMNEGL: return ARM64_INS_SMSUBL;
    case ARM64_INS_UMULL: return ARM64_INS_UMADDL;
    case ARM64_INS_UMNEGL: return ARM64_INS_UMSUBL;
    case ARM64_INS_CSET:
    case ARM64_INS_CINC: return ARM64_INS_CSINC;
    case ARM64_INS_CSETM:
    case ARM64_INS_CINV: return ARM64_INS_CSINV;
    case ARM64_INS_CNEG: return ARM64_INS_CSNEG;
    default: return id;
  }
}

unsigned base_of_system(unsigned id) {
  switch (id) {
    case ARM64_INS_NOP:
    case ARM64_INS_YIELD:
    case ARM64_INS_WFE:
    case ARM64_INS_WFI:
    case ARM64_INS_SEV:
    case ARM64_INS_SEVL: return ARM64_INS_HINT;
    case ARM64_INS_IC:
    case ARM64_INS_DC:
    case ARM64_INS_AT:
    case ARM64_INS_TLBI: return ARM64_INS_SYS;
    default: return id;
  }
}

}  // namespace

unsigned base_id(unsigned id, u32 word) {
  if (id == ARM64_INS_INVALID) return id;
  const u64 op0 = bits(word, 28, 25);
  if ((op0 & 0b1110) == 0b1000) return base_of_immediate(id, word);
  if ((op0 & 0b0111) == 0b0101) return base_of_register(id);
  if ((op0 & 0b1110) == 0b1010) return base_of_system(id);
  return id;
}

}  // namespace ferry::frontend
