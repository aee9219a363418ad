// Every encoding table of this room, for explain, generators and tests.
#include "frontend/decoder.h"
#include "frontend/fp.h"
#include "frontend/pattern.h"
#include "frontend/pauth.h"
#include "frontend/simd.h"
#include "frontend/system.h"

namespace ferry::frontend {

std::span<const Row> load_store_simd_rows();
std::span<const Row> load_store_structure_rows();

std::span<const std::span<const Row>> row_tables() {
  static const std::span<const Row> tables[] = {
      data_processing_immediate_rows(),
      branch_rows(),
      system_rows(),
      load_store_exclusive_rows(),
      load_store_atomic_rows(),
      load_store_structure_rows(),
      load_store_rows(),
      load_store_simd_rows(),
      data_processing_register_rows(),
      pauth_rows(),
      fp_scalar_rows(),
      simd_three_same_rows(),
      simd_copy_rows(),
      simd_shift_rows(),
      simd_two_reg_rows(),
      simd_three_different_rows(),
      simd_indexed_rows(),
      simd_scalar_rows(),
      simd_crypto_rows(),
      fp_half_rows(),
      simd_half_rows(),
      simd_extra_rows(),
  };
  return tables;
}

const char* title_of(u32 word) {
  const EmitFn fn = decode(word);
  for (const auto table : row_tables())
    for (const Row& r : table)
      if (r.emit == fn && (word & r.mask) == r.value) return r.title;
  return nullptr;
}

}  // namespace ferry::frontend
