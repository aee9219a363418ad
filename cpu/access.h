// The memory slow paths as translated code and the interpreter call them.
#pragma once
#include "core/access.h"
#include "cpu/state.h"

namespace ferry::cpu {

// Memory slow paths, implemented by softmmu; reached through CpuState::mem_helpers. They set s.site from the
// description, and s.fault (non-zero) when the access faults; translated code tests s.fault after the call.
//   load:   returns the zero-extended element (sizes 1..8). Size 16: s.vargs[0]. Pairs of 4 or 8: vargs[0].lo and
//   vargs[0].hi (zero-extended);
//           pairs of 16: vargs[0], vargs[1]. Sign extension is the caller's. Exclusive loads set the monitor.
//   store:  v0, v1 = the element(s) for sizes up to 8; size 16: vargs[0] (and vargs[1]). Exclusive stores return 0
//   stored, 1 not. atomic: kind = RmwKind, or 16 for Cas (v0 = expected, v1 = new); CasPair: expected in vargs[0], new
//   in vargs[1], old returned in vargs[0]. zero_block: DC ZVA at va.
enum class MemHelper : u8 { Load, Store, Atomic, ZeroBlock, kCount };
using LoadFn = u64 (*)(CpuState&, u64 va, u32 access);
using StoreFn = u64 (*)(CpuState&, u64 va, u32 access, u64 v0, u64 v1);
using AtomicFn = u64 (*)(CpuState&, u64 va, u32 access, u64 kind, u64 v0, u64 v1);
using ZeroBlockFn = u64 (*)(CpuState&, u64 va, u32 access);

}  // namespace ferry::cpu
