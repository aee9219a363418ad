// What the baseline compiler takes and gives beside code: host features, exits, its bookkeeping of guest registers.
#pragma once
#include "ir/block.h"
#include "jit/baseline/emitter.h"

namespace ferry::jit::baseline {

using ir::Type;
using ir::Value;

enum Class : u8 { kGpr, kXmm };
constexpr Class class_of(Type t) { return ir::is_int(t) ? kGpr : kXmm; }

struct HostFeatures {
  bool avx = false, avx2 = false, fma = false, bmi = false, bmi2 = false, lzcnt = false, pclmul = false, aes = false,
       sse42 = false, sha = false;
  static HostFeatures detect();
};

// Where a direct exit ended up in the code; filled by the compiler, made into a LinkSite by Baseline.
struct ExitSite {
  i32 offset = 0;
  bool cross_page = false;
  bool is_call = false;
  u32 patch = 0;         // offset of the rel32
  u32 unlinked = 0;      // offset of the unlinked stub: where the patched jump goes
  u32 invalid = 0;       // cross_page: where the exit goes when the context differs
  u32 context_slot = 0;  // offset of the context word
  u32 slot_fixup = 0;    // disp32 that names it
  u32 site_address = 0;  // offset of the LinkSite's address
};

// Backward bookkeeping of "guest register n takes value v next, and nothing in between can see its old value". An entry
// counts in its epoch.
class Pending {
 public:
  void barrier() { ++epoch_; }
  void forget(Class c, unsigned n) { entry_[c][n].epoch = 0; }
  void set(Class c, unsigned n, Value v) { entry_[c][n] = {v, epoch_}; }
  bool holds(Class c, unsigned n, Value v) const { return entry_[c][n].value == v && entry_[c][n].epoch == epoch_; }

 private:
  struct Entry {
    Value value = ir::kNoValue;
    u64 epoch = 0;
  };
  Entry entry_[2][kGuestCount];
  u64 epoch_ = 1;
};

// A cached guest register that is not stored yet.
struct Dirty {
  Class cls;
  u8 guest;
  u8 reg;
};

struct CompileStats {
  u64 blocks = 0, guest_insns = 0, host_bytes = 0;
  u64 fallbacks[ir::kOpCount] = {};  // ops compiled to a call of eval_inst
};

}  // namespace ferry::jit::baseline
