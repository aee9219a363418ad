// The registers of kind Custom: values that are computed, and writes that do more than store.
#pragma once
#include "cpu/state.h"

namespace ferry::cpu {

u64 read_custom(CpuState& s, SysReg r);
// value: already masked by the row's writable bits.
void write_custom(CpuState& s, SysReg r, u64 value);

}  // namespace ferry::cpu
