// What random instructions are drawn by: the groups of the Arm ARM's top-level table (DDI 0487, C4.1), the large ones
// in parts.
#pragma once
#include <optional>
#include <span>
#include <string_view>

#include "frontend/decoder.h"

namespace ferry::verify {

enum class Class : u8 {
  Immediate,
  Register,
  Branch,
  System,
  LoadStore,
  Exclusive,
  LoadStoreSimd,
  Fp,
  SimdScalar,
  Simd,
  Crypto,
  Mixed,
  // Programs (verify/program.h): no words are of these.
  Loops,
  Flow,
  Programs,
};
struct ClassInfo {
  Class which;
  std::string_view name;  // of --class
  std::string_view sentence;
};
std::span<const ClassInfo> classes();
std::string_view name(Class c);
// Whether it is programs with control flow, not sequences.
constexpr bool is_program(Class c) { return c > Class::Mixed; }
std::optional<Class> find_class(std::string_view name);

// The class a word belongs to, never Mixed; nothing for words outside the table and for what a case cannot hold
// (exceptions, waiting, what only EL1 may do).
std::optional<Class> class_of(u32 word);

// Shapes of load and store words, for generators (C4.1.4).
bool is_exclusive_or_ordered(u32 word);  // LDXR, STLR, CAS ...
bool is_store_exclusive(u32 word);
bool is_compare_and_swap_pair(u32 word);
bool is_atomic(u32 word);  // LDADD, SWP, LDAPR ...
bool is_literal(u32 word);
bool is_pair(u32 word);
bool is_single(u32 word);
bool is_unsigned_offset(u32 word);
bool is_register_offset(u32 word);
bool is_structure(u32 word);   // LD1 to ST4
bool is_zero_block(u32 word);  // DC ZVA

// Words that are left out, with the reason: what two correct processors may do differently. Empty: none.
std::string_view skip_reason(u32 word);
// Every such reason.
std::span<const std::string_view> skip_reasons();

}  // namespace ferry::verify
