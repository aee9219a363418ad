// Compiles one IR block to x86-64 code in two passes: backward for use counts and hints, forward for registers and
// instructions.
//
// Registers. A host register holds SSA values (several when they alias) and at most one guest register that is cached
// in it; a cached guest register is dirty until it is stored. Pinned guest registers never leave their home; a value
// that aliases one is moved out of the way when the guest register is set. Values of type I32 may have garbage in the
// upper half of their register unless `clean`.
//
// Lazy values. Flags, conditions and address sums emit nothing where they are defined; they keep their operands alive
// and are computed by their users, which usually need only host flags or an addressing mode.
#pragma once
#include <vector>

#include "ir/block.h"
#include "jit/baseline/compiler_parts.h"
#include "jit/baseline/stubs.h"
#include "jit/tier.h"

namespace ferry::jit::baseline {

using ir::Inst;
using ir::MemInfo;
using ir::Op;

class Compiler {
 public:
  Compiler(const Stubs& stubs, HostFeatures features) : stubs_(stubs), cpu_(features) {}

  // Compiles to the emitter's buffer for execution at `base`. sites: room for two link sites, whose addresses the code
  // mentions. counter: counted down at each entry; null: not counted.
  void compile(const ir::Block& block, const u8* base, LinkSite* const* sites, const i32* counter = nullptr);

  const u8* code() const { return e_.data(); }
  const u8* base() const { return e_.base(); }
  u32 size() const { return e_.here(); }
  unsigned exit_count() const { return exit_count_; }
  const ExitSite& exit_site(unsigned n) const { return exits_[n]; }
  const CompileStats& stats() const { return stats_; }
  // What is bound to this process in the code: jumps to the stubs (offsets of their rel32), the counter's address
  // (offset of the word; 0: none), and the exits' site_address.
  std::span<const u32> stub_jumps() const { return e_.outside(); }
  u32 counter_address() const { return counter_address_; }

 private:
  enum class Where : u8 { None, Const, Lazy, Reg, Slot };
  struct ValueInfo {
    u16 uses = 0;          // left
    u16 address_uses = 0;  // of those, as the address of a memory access
    u16 slot = 0;
    Where where = Where::None;
    u8 reg = 0;
    i8 hint = -1;        // the guest register that takes this value with nothing in between that could see the old one
    bool clean = false;  // I32 in a register: upper half zero
    bool holds = false;  // lazy: keeps its operands alive
    bool holds_second = false;  // a lazy address whose base is the second operand
    Value next = ir::kNoValue;  // in the same register
    Value twin = ir::kNoValue;  // LoadPair: its Second. SubNzcv made together with its difference: the difference
  };
  struct RegFile {
    u32 allocatable = 0, used = 0, locked = 0, has_guest = 0, dirty = 0;
    Value head[16];
    u8 guest[16];
    u8 next_victim = 0;
  };
  struct Snapshot {
    u32 first = 0, count = 0;  // in dirty_pool_
  };
  // An operand of a memory access on its slow path.
  struct SlowValue {
    enum Kind : u8 { None, Gpr, Xmm, Imm } kind = None;
    u8 reg = 0;
    u64 imm = 0;
  };
  struct SlowAccess {
    u32 jump = 0, resume = 0;  // rel32 to here; offset to come back to
    MemHelper helper = MemHelper::Load;
    MemInfo info;
    Type type = Type::None;
    Type result = Type::None;  // of an access without inline form
    bool inlined = true;
    u8 base = 0;
    u8 table = 0xff;
    bool xmm_live = false;
    i32 disp = 0;
    u32 access = 0;
    SlowValue value[2];
    u64 kind = 0;         // AtomicFn
    i8 to[2] = {-1, -1};  // result registers
    Snapshot dirty;
  };
  struct SlowFp {  // an FP op whose result the host may get wrong
    u32 jump[2] = {0, 0}, resume = 0;
    Value op = 0;
    u8 arg[3] = {0, 0, 0};
    u8 to = 0;
  };
  enum class Check : u8 { Nan, NanOrTiny };
  struct SlowCheck {  // check_sp_alignment of a misaligned value
    u32 jump, resume;
    u8 reg;
    bool xmm_live;
    u32 helper, site;
    Snapshot dirty;
  };
  struct RareCall {  // CallIf when its condition holds
    u32 jump, resume;
    u8 to, a, b, aux;
    bool xmm_live;
    u32 helper;
  };
  struct SlowCounter {  // the counter by the helper mrs
    u32 jumps[5] = {};
    unsigned count = 0;
    u32 resume = 0;
    u8 to = 0;
    u64 reg = 0, iss = 0;
    u32 site = 0;
    unsigned xmm_form = 0;
    Snapshot dirty;
  };
  struct FaultExit {
    u32 jump;
    Snapshot dirty;
  };
  struct Tail {  // out of line: load the offset, go to the stub
    u32 jump;
    i32 offset;
    const void* stub;
    i32 give_back;  // budget to add first
  };
  struct UnlinkedJump {
    u32 rel;
    unsigned exit;
    bool patched = false;  // the jump that Tier::link patches
  };
  struct PoolEntry {
    u32 fixup;  // disp32 that names it
    u8 size;
    u8 bytes[32];
  };

  // compiler.cpp
  void analyse();
  void lower(Value v);
  void lower_state(Value v, const Inst& inst);
  void pack_operands(const Inst& inst);
  void finish();
  const Inst& inst(Value v) const { return block_->insts[v]; }
  void set_guest(Class c, unsigned guest, Value v, Type t);
  void set_pinned(unsigned guest, Value v, Type t);
  void bind_guest(Value v, Class c, unsigned guest, bool clean);
  bool is_const(Value v, u64* bits = nullptr) const;
  bool is_imm32(Value v, i32* imm) const;
  Type type_of(Value v) const { return inst(v).result_type(); }
  static bool wide(Type t) { return t == Type::I64; }
  void pool_ref(const void* bytes, u8 size);  // emits the disp32 of a RIP-relative operand

  // registers.cpp
  void reset_registers();
  u8 alloc(Class c, u32 avoid = 0);
  u8 alloc_temp(Class c, u32 avoid = 0);
  void make_room(Class c, u32 avoid);
  void take(u8 reg);  // this GPR for the current op
  void lock(Class c, u8 reg) { files_[c].locked |= mask(reg); }
  void bind(Value v, u8 reg);
  void unbind(Value v);
  void consume(Value v);
  void kill(Value v);
  u8 use(Value v);                                                     // register that holds v, locked
  u8 use_clean(Value v);                                               // and for I32 with the upper half zero
  u8 define(Value v, int reuse = -1, u32 avoid = 0, int reuse2 = -1);  // register for a result
  void evacuate(Class c, u8 reg, bool to_memory);                      // values elsewhere
  void move(Class c, u8 to, u8 from);
  void drop_guest(Class c, u8 reg, bool store);
  void cache_guest(Class c, unsigned guest, u8 reg, bool dirty);
  int guest_reg(Class c, unsigned guest) const { return guest_reg_[c][guest]; }
  void load_guest(Class c, unsigned guest, u8 reg);
  void store_guest(Class c, unsigned guest, u8 reg);
  u8 read_guest(Class c, unsigned guest);  // cached or pinned, locked
  void write_back();                       // all dirty; they stay cached
  void forget_guests();
  Snapshot snapshot();
  u16 new_slot();
  bool busy(Class c, u8 reg) const { return files_[c].head[reg] != ir::kNoValue; }

  // lower_int.cpp
  bool lower_int(Value v, const Inst& inst);
  void binary(Value v, const Inst& inst, Alu op, bool commutes);
  void add_or_sub(Value v, const Inst& inst);
  void add_with_flags(Value v, const Inst& inst);
  bool scaled_add(Value v, const Inst& inst);
  bool folds_into_add(Value v, const Inst& inst, u64 amount) const;
  void and_or(Value v, const Inst& inst, Alu op);
  void inverted(Value v, const Inst& inst, Alu op);
  void multiply(Value v, const Inst& inst);
  void multiply_high(Value v, const Inst& inst, bool is_signed);
  void divide(Value v, const Inst& inst, bool is_signed);
  void shift(Value v, const Inst& inst, Shift op);
  void extend(Value v, const Inst& inst);
  void unary(Value v, const Inst& inst);
  void reverse(Value v, const Inst& inst);
  void count_zeros(Value v, const Inst& inst);
  void extract(Value v, const Inst& inst);

  // lower_flags.cpp
  bool lower_flags(Value v, const Inst& inst);
  void make_lazy(Value v, const Inst& inst);
  void materialise(Value v);
  void pack_flags();
  void arch_flags(Value v, const Inst& inst);
  void prepare_condition(Value v);      // brings what emit_condition will need into registers
  void host_compare(const Inst& inst);  // leaves host flags; for the three lazy flag ops
  Cond emit_condition(Value v);         // condition that v is not zero
  Cond test_flags(Value flags, unsigned cond);
  Cond test_packed(Value flags, unsigned cond);
  Cond compare(const Inst& inst);
  void set_bool(Value v, Cond c, u8 reg);
  void with_carry(Value v, const Inst& inst);
  void select(Value v, const Inst& inst);
  bool joined_flags(Value v, const Inst& inst) const;  // the next instruction is the flags of this sum or difference

  // lower_mem.cpp
  void lower_mem(Value v, const Inst& inst);
  struct Address {
    Value held;  // the value in `base`
    u8 base;
    i32 disp;
  };
  Address address(Value a);
  // Looks the address up with two scratch registers. Afterwards u is what to add to the address; emits the jump to the
  // slow path.
  void probe(const Address& a, MemInfo m, u8 u, u8 w, SlowAccess& slow);
  SlowAccess slow_access(const Inst& inst, MemHelper helper, const Address& a);
  u8 table_register(MemInfo m);
  void load(Value v, const Inst& inst);
  void store(Value v, const Inst& inst);
  void load_element(MemRef m, MemInfo info, Type type, u8 to);
  void store_element(MemRef m, MemInfo info, Type type, const SlowValue& from);
  SlowValue slow_value(Value v);
  void slow_result(const SlowAccess& s, unsigned n);
  void helper_access(Value v, const Inst& inst);  // no inline form
  void fence(const Inst& inst);
  void full_fence();
  void emit_slow(const SlowAccess& s);
  void emit_fault_check(const Snapshot& dirty);
  u32 access(const Inst& inst) const { return make_access(inst.imm, site()); }
  u32 site() const { return cpu::make_site(insn_index_, block_->insn_count - insns_started_); }

  // lower_atomic.cpp
  bool inline_atomic(const Inst& inst) const;
  void locked(u8 op, unsigned size_log2, u8 reg, MemRef m);
  void zero_extend(unsigned size_log2, u8 to, u8 from);
  void probe_host(const Address& a, MemInfo m, u8 u, u8 w, SlowAccess& s);
  void load_exclusive(Value v, const Inst& inst);
  void check_monitor(u8 w, unsigned bytes, u32 (&open)[2]);
  void end_store_exclusive(SlowAccess& s, u8 result, const u32 (&open)[2]);
  void store_exclusive(Value v, const Inst& inst);
  void probe_to_rax(Value v, const Inst& inst, const Address& a, u8 w, SlowAccess& s);
  void store_exclusive_wide(Value v, const Inst& inst);
  void rmw_step(RmwKind kind, bool wide, u8 to, u8 operand);
  void read_modify_write(Value v, const Inst& inst);
  void compare_and_swap(Value v, const Inst& inst);
  void compare_and_swap_pair(Value v, const Inst& inst);
  void zero_block(Value v, const Inst& inst);
  bool is_joined_pair(const Inst& inst) const;
  void load_joined(MemRef m, MemInfo info, u8 first, u8 second, u8 x);
  void store_joined(MemRef m, MemInfo info, u8 first, u8 second, u8 scratch, u8 x);

  // lower_call.cpp
  void lower_call(Value v, const Inst& inst);
  void call_state(Value v, const Inst& inst, const cpu::HelperInfo& helper);
  void call_slow(Value v, const Inst& inst, const cpu::HelperInfo& helper);
  void fallback(Value v, const Inst& inst);
  void store_arg(Value v, i32 at, bool whole);
  void check_alignment(const Inst& inst);
  unsigned xmm_form() const;
  void emit_check(const SlowCheck& c);
  void call_if(Value v, const Inst& inst);
  void emit_rare_call(const RareCall& c);
  bool read_counter(Value v, const Inst& inst);
  void emit_slow_counter(const SlowCounter& c);
  void load_result(Value v, int to, Type result);
  void load_arg(Value a, u8 to);
  void spill_caller_saved();
  void store_pins();
  void load_pins();

  // lower_helper.cpp
  bool native_helper(Value v, const Inst& inst);
  bool aes(Value v, const Inst& inst, cpu::Helper helper);
  bool crc32c(Value v, const Inst& inst);
  bool sha1_rounds(Value v, const Inst& inst, unsigned function);
  bool sha256_rounds(Value v, const Inst& inst, bool first_half);
  bool sha256_schedule(Value v, const Inst& inst);

  // lower_saturate.cpp
  bool native_saturation(Value v, const Inst& inst);
  u8 arranged(Value a, u64 form);
  void saturated_if_any(u8 reg);
  bool saturating_sum(Value v, const Inst& inst, u64 form);
  bool doubling_high(Value v, const Inst& inst, u64 form);
  bool saturating_narrow(Value v, const Inst& inst, u64 form);

  // lower_exit.cpp
  void lower_exit(const Inst& inst);
  void pay_attention(i32 offset);
  void direct_exit(i32 offset, bool is_call);
  bool is_simple(i32 offset) const;
  bool polls(i32 offset) const;
  void exit_if(const Inst& inst);
  void exit_indirect(const Inst& inst);
  void exit_exception(const Inst& inst);
  void leave_at(i32 offset, const void* stub);
  unsigned new_exit(i32 offset, bool is_call);

  // lower_move.cpp, lower_vector.cpp, lower_fp.cpp
  void pool_load(u8 to, u64 lo, u64 hi);
  u8 pool_temp(u64 half);  // a scratch register with this in both halves
  void v2(u32 id, u8 to, u8 a);
  void v3(u32 id, u8 to, u8 a, u8 b);
  void v3i(u32 id, u8 to, u8 a, u8 b, unsigned imm);
  void v2i(u32 id, u8 to, u8 a, unsigned imm);
  bool vector_binary(Value v, const Inst& inst);
  bool vector_compare(Value v, const Inst& inst);
  bool vector_shift(Value v, const Inst& inst);
  bool vector_shift_register(Value v, const Inst& inst);
  bool vector_unary(Value v, const Inst& inst);
  bool vector_lanes(Value v, const Inst& inst);
  bool vector_permute(Value v, const Inst& inst);
  static bool unsupported_form(const Inst& inst);
  void transpose(u8 to, u8 a, u8 b, unsigned lane, bool odd, u8 t);
  void deinterleave_one(u8 to, u8 a, unsigned lane, u8 t);
  void deinterleave(u8 to, u8 a, u8 b, unsigned lane, bool odd, u8 t);
  bool lower_vector(Value v, const Inst& inst);
  bool lower_fp(Value v, const Inst& inst);
  SlowFp slow_fp(Value v, const Inst& inst);
  void finish_fp(Value v, const Inst& inst, SlowFp& s);
  void check_scalar(u8 r, Type t, Check check, SlowFp& s);
  void check_vector(u8 r, bool wide_lanes, bool tiny, SlowFp& s);
  void emit_slow_fp(const SlowFp& s);
  void scalar(Value v, const Inst& inst, u32 id, Check check);
  void scalar_max_min(Value v, const Inst& inst);
  static int host_rounding(u8 round);
  bool scalar_round(Value v, const Inst& inst);
  bool scalar_round_away(Value v, const Inst& inst);
  void scalar_compare(Value v, const Inst& inst);
  void int_to_float(Value v, const Inst& inst);
  bool float_to_int(Value v, const Inst& inst);
  bool vector_fp(Value v, const Inst& inst);
  // lower_fp_vector.cpp
  static unsigned active_bytes(const Inst& inst);
  void clear_inactive(unsigned bytes, u8 to, u8 from);
  u8 active_lanes(const Inst& inst, u8 from);
  bool vector_fp_composed(Value v, const Inst& inst);
  void leave_if_any(u8 lanes, SlowFp& s, unsigned jump);
  bool vector_max_min(Value v, const Inst& inst, bool is_max);
  void check_unsigned_range(bool wide_lanes, u8 a, u8 t, u8 u, SlowFp& s);
  static bool converts(const Inst& inst);
  bool vector_to_word(Value v, const Inst& inst);
  bool vector_to_long(Value v, const Inst& inst);
  bool vector_from_int(Value v, const Inst& inst);
  void fold_fpsr();
  bool lower_move(Value v, const Inst& inst);
  u8 load_const(Value v);

  const Stubs& stubs_;
  HostFeatures cpu_;
  Emitter e_;
  CompileStats stats_;
  const ir::Block* block_ = nullptr;
  LinkSite* const* link_sites_ = nullptr;
  cpu::Mode mode_;
  std::vector<ValueInfo> values_;
  Pending pending_;
  RegFile files_[2];
  i8 guest_reg_[2][kGuestCount];
  std::vector<u16> slot_refs_;
  std::vector<u16> free_slots_;
  std::vector<Dirty> dirty_pool_;
  std::vector<SlowAccess> slow_;
  std::vector<SlowCheck> checks_;
  std::vector<RareCall> rare_calls_;
  std::vector<SlowCounter> slow_counters_;
  std::vector<SlowFp> slow_fp_;
  std::vector<FaultExit> faults_;
  std::vector<Tail> tails_;
  std::vector<PoolEntry> pool_;
  std::vector<UnlinkedJump> jumps_to_unlinked_;
  ExitSite exits_[2];
  unsigned exit_count_ = 0;
  u32 counter_address_ = 0;
  u32 insn_index_ = 0, insns_started_ = 0;
  i32 scratch_imm_ = 0;
  u32 flags_wanted_ = 0;  // lazy flags met so far in the block
  u32 accesses_[2] = {};  // inline loads, stores left in the block
};

}  // namespace ferry::jit::baseline
