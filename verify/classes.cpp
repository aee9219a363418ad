#include "verify/classes.h"

namespace ferry::verify {
namespace {

using frontend::EncodingClass;

// clang-format off: a row a line
constexpr ClassInfo kClasses[] = {
    {Class::Immediate, "immediate", "data processing, immediate"},
    {Class::Register, "register", "data processing, register"},
    {Class::Branch, "branch", "branches, among data processing"},
    {Class::System, "system", "MRS, MSR, barriers, hints, DC ZVA as EL0 may use them"},
    {Class::LoadStore, "load-store", "loads and stores of general registers"},
    {Class::Exclusive, "exclusive", "exclusive, ordered and atomic accesses"},
    {Class::LoadStoreSimd, "load-store-simd", "loads and stores of SIMD and FP registers"},
    {Class::Fp, "fp", "scalar floating point"},
    {Class::SimdScalar, "simd-scalar", "Advanced SIMD, scalar forms"},
    {Class::Simd, "simd", "Advanced SIMD, vector forms"},
    {Class::Crypto, "crypto", "AES, SHA and the other cryptographic instructions"},
    {Class::Mixed, "mixed", "everything above in one sequence"},
    {Class::Loops, "loops", "programs: loops whose accesses go up and down over pages, unaligned and overlapping"},
    {Class::Flow, "flow", "programs: branches, calls, indirect jumps and nested loops, over the edges of pages"},
    {Class::Programs, "programs", "programs: all of it, with exclusives, code that is written and mappings that change"},
};
// clang-format on

constexpr std::string_view kReasons[] = {
    "UNPREDICTABLE: pair with equal targets",
    "UNPREDICTABLE: writeback of a transferred base",
    "UNPREDICTABLE: status overlaps",
    "UNPREDICTABLE: a store exclusive after a load exclusive of another size (no sequence holds two sizes)",
    "the keys of pointer authentication are the oracle's kernel's own",
    "waiting and events: another processor or time goes on with it",
    "registers other than NZCV, FPCR and FPSR: time, identity and what a kernel sets up",
    "PSTATE fields that a kernel lets EL0 change or not",
    "cache maintenance other than DC ZVA: nothing of it shows in registers",
    "QEMU 7.2 executes FMOV (vector, immediate) with op = 1 and o2 = 1, which is unallocated",
    "QEMU 7.2 has no LSE2: ordered and atomic accesses that are not aligned",
    "QEMU 7.2 extends the sign of FCVTZS (fixed-point) to a half into 32 bits",
};
enum Reason : unsigned {
  kEqualTargets,
  kWriteback,
  kStatus,
  kSizes,
  kKeys,
  kEvents,
  kIdentity,
  kKernel,
  kMaintenance,
  kMoveHalf,
  kUnaligned,
  kFixedHalf
};

bool is_crypto(u32 w) {
  return (w & 0xff3e0c00) == 0x4e280800 ||                                    // AES
         (w & 0xff208c00) == 0x5e000000 || (w & 0xff3e0c00) == 0x5e280800 ||  // SHA
         w >> 24 == 0xce;
}

std::optional<Class> class_of_simd(u32 w) {
  if (is_crypto(w)) return Class::Crypto;
  if (bit(w, 28) == 0) return bit(w, 31) ? std::nullopt : std::optional(Class::Simd);
  if (bit(w, 30) == 0) return Class::Fp;
  return bit(w, 31) ? std::nullopt : std::optional(Class::SimdScalar);
}

std::optional<Class> class_of_branch(u32 w) {
  if (w >> 24 == 0xd5) return Class::System;
  if (w >> 24 == 0xd4) return std::nullopt;
  if ((w & 0xfe9ff000) == 0xd69f0000) return std::nullopt;  // ERET, DRPS
  return Class::Branch;
}

std::string_view skip_load_store(u32 word) {
  const u64 t = bits(word, 4, 0), n = bits(word, 9, 5), t2 = bits(word, 14, 10), s = bits(word, 20, 16);
  const bool vector = bit(word, 26), load = bit(word, 22);
  if (bits(word, 29, 24) == 0b011001 && bits(word, 14, 12) != 0) return kReasons[kUnaligned];  // LDAPUR, STLUR
  if (is_pair(word)) {
    if (load && t == t2) return kReasons[kEqualTargets];
    if (!vector && bit(word, 23) && n != 31 && (t == n || t2 == n)) return kReasons[kWriteback];
  }
  if (is_single(word) && !vector && bits(word, 25, 24) == 0 && !bit(word, 21) && bit(word, 10) && n != 31 && t == n)
    return kReasons[kWriteback];
  if (is_single(word) && !vector && bits(word, 25, 24) == 0 && bit(word, 21) && bit(word, 10)) return kReasons[kKeys];
  if (is_exclusive_or_ordered(word) && !vector && !bit(word, 23)) {
    if (bit(word, 21) && bit(word, 31) == 0) return {};  // CASP
    if (bit(word, 21) && load && t == t2) return kReasons[kEqualTargets];
    if (is_store_exclusive(word) && (s == t || (s == n && n != 31) || (bit(word, 21) && s == t2)))
      return kReasons[kStatus];
  }
  return {};
}

// What EL0 may do without the kernel having a say, and without its traces being the processor's own.
std::string_view skip_system(u32 w) {
  const u64 key = bits(w, 19, 5);  // o0:op1:CRn:CRm:op2
  if ((w & 0xffffe000) == 0xd5032000) {
    if ((w & 0xfe0) >= 0x040 && (w & 0xfe0) <= 0x0a0) return kReasons[kEvents];  // WFE, WFI, SEV, SEVL
    const bool signs = bits(w, 11, 8) == 1 || bits(w, 11, 8) == 3;
    return signs ? kReasons[kKeys] : std::string_view{};
  }
  if ((w & 0xfff8f01f) == 0xd500401f) {  // MSR (immediate): CFINV, XAFLAG, AXFLAG, DIT
    const u64 op1 = bits(w, 18, 16), op2 = bits(w, 7, 5);
    return (op1 == 0 && op2 <= 2) || (op1 == 3 && op2 == 2) ? std::string_view{} : kReasons[kKernel];
  }
  if ((w & 0xfff80000) == 0xd5080000) return key == 0x5ba1 ? std::string_view{} : kReasons[kMaintenance];  // DC ZVA
  if ((w & 0xfff00000) == 0xd5300000 || (w & 0xfff00000) == 0xd5100000)
    return key == 0x5a10 || key == 0x5a20 || key == 0x5a21 ? std::string_view{} : kReasons[kIdentity];
  return {};
}

bool is_pointer_authentication(u32 w) {
  if ((w & 0xfffff800) == 0xdac14000) return false;                                   // XPACI, XPACD
  if ((w & 0xffff0000) == 0xdac10000 || (w & 0xffe0fc00) == 0x9ac03000) return true;  // PACIA ..., PACGA
  return (w & 0xfe000000) == 0xd6000000 && bit(w, 11) == 1;                           // BRAA, BLRAA, RETAA ...
}

}  // namespace

bool is_exclusive_or_ordered(u32 word) { return bits(word, 29, 24) == 0b001000; }
bool is_store_exclusive(u32 word) {
  return is_exclusive_or_ordered(word) && !bit(word, 23) && !bit(word, 22) && !is_compare_and_swap_pair(word);
}
bool is_compare_and_swap_pair(u32 word) {
  return is_exclusive_or_ordered(word) && !bit(word, 31) && !bit(word, 23) && bit(word, 21);
}
bool is_atomic(u32 word) {
  return is_single(word) && !bit(word, 26) && bits(word, 25, 24) == 0 && bit(word, 21) && bits(word, 11, 10) == 0;
}
bool is_literal(u32 word) { return bits(word, 29, 27) == 0b011 && bits(word, 25, 24) == 0; }
bool is_pair(u32 word) { return bits(word, 29, 27) == 0b101; }
bool is_single(u32 word) { return bits(word, 29, 27) == 0b111; }
bool is_unsigned_offset(u32 word) { return is_single(word) && bits(word, 25, 24) == 1; }
bool is_register_offset(u32 word) {
  return is_single(word) && bits(word, 25, 24) == 0 && bit(word, 21) && bits(word, 11, 10) == 2;
}
bool is_structure(u32 word) { return bits(word, 29, 25) == 0b00110 && bit(word, 26); }
bool is_zero_block(u32 word) { return (word & ~0x1fu) == 0xd50b7420; }

std::span<const ClassInfo> classes() { return kClasses; }
std::string_view name(Class c) { return kClasses[static_cast<usize>(c)].name; }
std::optional<Class> find_class(std::string_view name) {
  for (const ClassInfo& c : kClasses)
    if (c.name == name) return c.which;
  return std::nullopt;
}

std::optional<Class> class_of(u32 w) {
  switch (frontend::encoding_class(w)) {
    case EncodingClass::Unallocated: return std::nullopt;
    case EncodingClass::DataProcessingImmediate: return Class::Immediate;
    case EncodingClass::DataProcessingRegister: return Class::Register;
    case EncodingClass::BranchExceptionSystem: return class_of_branch(w);
    case EncodingClass::LoadStore:
      if (is_structure(w) || (bit(w, 26) && !is_exclusive_or_ordered(w))) return Class::LoadStoreSimd;
      if (is_exclusive_or_ordered(w) || is_atomic(w) || bits(w, 29, 24) == 0b011001) return Class::Exclusive;
      return Class::LoadStore;
    case EncodingClass::SimdFp: return class_of_simd(w);
  }
  return std::nullopt;
}

std::string_view skip_reason(u32 word) {
  if (frontend::encoding_class(word) == EncodingClass::LoadStore) return skip_load_store(word);
  if (word >> 24 == 0xd5) return skip_system(word);
  if (is_pointer_authentication(word)) return kReasons[kKeys];
  if ((word & 0xbff8fc00) == 0x2f00fc00) return kReasons[kMoveHalf];
  if ((word & 0xfff0fc00) == 0x5f10fc00) return kReasons[kFixedHalf];
  return {};
}

std::span<const std::string_view> skip_reasons() { return kReasons; }

}  // namespace ferry::verify
