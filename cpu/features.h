// Architecture features beyond ARMv8.0: the rows of cpu/features.def as a set.
#pragma once
#include <span>
#include <string_view>

#include "core/types.h"

namespace ferry::cpu {

// Base: ARMv8.0, which every set has.
enum class Feature : u8 {
  Base,
#define FEATURE(name, ...) name,
#include "cpu/features.def"
#undef FEATURE
  kCount
};
static_assert(static_cast<unsigned>(Feature::kCount) <= 64, "a set of features is one word");

class FeatureSet {
 public:
  constexpr FeatureSet() = default;
  constexpr bool has(Feature f) const { return (bits_ >> static_cast<unsigned>(f) & 1) != 0; }
  constexpr void add(Feature f) { bits_ |= u64{1} << static_cast<unsigned>(f); }
  constexpr void remove(Feature f) {
    if (f != Feature::Base) bits_ &= ~(u64{1} << static_cast<unsigned>(f));
  }
  constexpr u64 value() const { return bits_; }
  friend constexpr bool operator==(FeatureSet, FeatureSet) = default;

 private:
  u64 bits_ = 1;
};

struct CpuState;
struct FeatureInfo {
  Feature feature;
  std::string_view name;         // FEAT_name without the prefix
  std::string_view id_register;  // where it is advertised
  unsigned shift;                // lowest bit of the 4-bit field
  u64 value;                     // the field's value
  bool in_max;                   // implemented, and a feature of `-cpu max`
  bool optional;                 // implemented, and there by choice
  std::string_view sentence;
};
// Every row except Base.
std::span<const FeatureInfo> features();
// What is implemented: the features of `-cpu max`.
FeatureSet implemented_features();
// Raises the fields of the ID registers to what CpuState::features holds.
void advertise(CpuState& s);

}  // namespace ferry::cpu
