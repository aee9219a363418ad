// Helpers of the base instruction set: CRC32 and the alignment check of SP.
#include "cpu/crypto.h"
#include "cpu/exceptions.h"
#include "cpu/state.h"

namespace ferry::cpu::helper {

// CRC32B, CRC32H, CRC32W, CRC32X (polynomial 0x04C11DB7) and CRC32C* (0x1EDC6F41)
u64 crc32(CpuState&, u64 accumulator, u64 value, u64 bytes, u64) {
  return crypto::crc32(static_cast<u32>(accumulator), value, static_cast<unsigned>(bytes));
}
u64 crc32c(CpuState&, u64 accumulator, u64 value, u64 bytes, u64) {
  return crypto::crc32c(static_cast<u32>(accumulator), value, static_cast<unsigned>(bytes));
}

// CheckSPAlignment
u64 check_sp_alignment(CpuState& s, u64 sp, u64, u64, u64) {
  if (sp % 16 == 0) return 0;
  s.exception = {};
  s.exception.ec = kEcSpAlign;
  s.fault = 1;
  return 0;
}

}  // namespace ferry::cpu::helper
