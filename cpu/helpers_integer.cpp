// Helpers of the base instruction set: CRC32 and the alignment check of SP.
#include "cpu/exceptions.h"
#include "cpu/state.h"

namespace ferry::cpu::helper {
namespace {

// Poly32Mod2 of the manual, a bit at a time: `polynomial` is bit-reversed, as the accumulator and the data are.
u64 crc(u32 polynomial, u64 accumulator, u64 value, u64 bytes) {
  u64 remainder = accumulator ^ (value & low_mask(static_cast<unsigned>(8 * bytes)));
  for (u64 i = 0; i < 8 * bytes; ++i) remainder = (remainder >> 1) ^ ((remainder & 1) != 0 ? polynomial : 0);
  return remainder;
}

}  // namespace

// CRC32B, CRC32H, CRC32W, CRC32X (polynomial 0x04C11DB7) and CRC32C* (0x1EDC6F41)
u64 crc32(CpuState&, u64 accumulator, u64 value, u64 bytes, u64) { return crc(0xedb88320, accumulator, value, bytes); }
u64 crc32c(CpuState&, u64 accumulator, u64 value, u64 bytes, u64) { return crc(0x82f63b78, accumulator, value, bytes); }

// CheckSPAlignment
u64 check_sp_alignment(CpuState& s, u64 sp, u64, u64, u64) {
  if (sp % 16 == 0) return 0;
  s.exception = {};
  s.exception.ec = kEcSpAlign;
  s.fault = 1;
  return 0;
}

}  // namespace ferry::cpu::helper
