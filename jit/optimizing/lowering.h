// IR to LLVM: a region becomes one function of the ABI in jit/abi.h (calling convention preserve_none, every exit to
// other code a tail call).
//
// Guest registers, flags, the page base and the TLB pointers are local variables that are promoted to SSA right after
// lowering. `Dirty` says which of them memory does not have yet; exits, faults and helpers that see guest state write
// those back. Flags that a comparison, addition or logical op of the region set stay its operands (FlagKind) until
// somebody wants the packed form, mostly an exit. What is pinned counts as dirty from the start, since at a block
// boundary memory is stale for it.
#pragma once
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/Module.h>

#include <array>
#include <bitset>
#include <memory>

#include "cpu/mode.h"
#include "jit/abi.h"
#include "jit/region.h"
#include "jit/region_code.h"
#include "jit/tier.h"

namespace ferry::jit::optimizing {

// What lowering makes beside the function: its data as jit/region_code.h describes it, nothing of this process in it.
struct Unit {
  std::vector<u8> data = std::vector<u8>(sizeof(RegionWords));
  std::vector<RegionExit> exits;
};

struct LoweringOptions {
  bool write_through = false;  // guest registers go to memory where they are set
  bool window = false;         // EL0's accesses try the host-MMU window first
  bool host_has_ssse3 = false;
  bool host_has_fma = false;  // FMA3, and with it AVX: what native floating point needs
  bool host_has_cx16 = false;
  bool host_has_aes = false, host_has_pclmul = false, host_has_sha = false, host_has_crc32 = false;
};

FlagKind kind_of(ir::Op op, ir::Type operands);
ir::Op op_of(FlagKind kind);

// The section in which a unit's data stands, alone.
constexpr const char* kDataSection = ".ferry_data";
// The data of a unit that is being made, for functions of `module`; finish_data() gives it its bytes.
llvm::GlobalVariable* begin_data(llvm::Module& module);
void finish_data(llvm::GlobalVariable* data, const std::vector<u8>& bytes);
// The word at an offset of it. It does not change while the code runs.
llvm::Value* load_word(llvm::IRBuilder<>& b, llvm::GlobalVariable* data, llvm::Type* type, usize offset);

llvm::CallingConv::ID block_convention();
// The type of a block: u32 (CpuState*, pinned values...).
llvm::FunctionType* block_type(llvm::LLVMContext& context);

class Lowering {
 public:
  // has_thunks: RegionCalls has load, store and evaluate.
  Lowering(llvm::Module& module, const Region& region, Unit& unit, bool has_thunks, const LoweringOptions& options);
  // Makes the function `name`.
  llvm::Function* run(const std::string& name);

 private:
  // Local variables: X0..X30 and SP, V0..V31, then these.
  enum Var : unsigned {
    kVarV = 32,
    kVarNzcv = 64,
    kVarPcPage,
    kVarTlbRead,
    kVarInState,  // those before have a place in CpuState
    kVarFlagKind = kVarInState,
    kVarFlagA,
    kVarFlagB,
    kVarCount
  };
  using Vars = std::bitset<kVarCount>;
  // The variable that an instruction reads or sets as a whole or in part; -1: none.
  static int var_named(const ir::Inst& inst);
  using V = llvm::Value*;
  struct BlockInfo {
    llvm::BasicBlock* start = nullptr;
    Vars dirty_in, written;
    bool calls_state = false;                // `written` counts from the last such call on
    FlagKind flags_in = FlagKind::Unknown;   // Unknown: no way there is known yet
    FlagKind flags_out = FlagKind::Unknown;  // Unknown: as they came in
    bool reads_flags = false;                // that it did not set
  };
  // A way to where an access goes on, and what it brings.
  struct Way {
    llvm::BasicBlock* from = nullptr;
    V values[2] = {};
  };
  // Accesses of a block that share one probe.
  struct Share {
    ir::Value first = 0, last = 0;
    i64 low = 0, high = 0;  // the bytes from the base on that the accesses touch
    bool write = false;
    unsigned members = 0;
    V host = nullptr;  // where `low` is, null when it is not known (any more)
  };
  // An access of a loop whose page is kept over the iterations.
  struct Stream {
    usize block = 0;
    ir::Value value = 0;
    i64 step = 0;                      // what an iteration adds to the address,
    bool exact = false;                // always; else usually
    llvm::AllocaInst* tag = nullptr;   // the page's address, as in a TLB entry; or no page's
    llvm::AllocaInst* host = nullptr;  // where the page is
    V ahead = nullptr;                 // in an unrolled loop: where the first iteration's first byte is
  };

  // A loop of one block whose iterations run several at a time, in copies of the block that check no address.
  struct Unrolled {
    usize block = 0;
    usize first = 0;  // copy
    unsigned copies = 0;
  };

  // lowering.cpp
  void peel();
  void scan();
  void flow();
  std::vector<usize> successors(usize index) const;
  void make_entry();
  void lower_block(usize index);
  void lower(ir::Value v, const ir::Inst& inst);
  void lower_state(ir::Value v, const ir::Inst& inst);
  void promote();
  void flow_flags();
  void set_flags(ir::Value v);
  V packed_flags(bool rare);
  V pack(FlagKind kind, V a, V b);
  const ir::Block& block() const { return *region_.blocks[current_].ir; }
  const ir::Inst& inst(ir::Value v) const { return block().insts[v]; }
  V arg(const ir::Inst& inst, unsigned n) const { return values_[inst.args[n]]; }
  // For what looks at several kinds of operations at once: poison where this one has fewer operands.
  V arg_if_any(const ir::Inst& inst, unsigned n) {
    return n < inst.arg_count() ? arg(inst, n) : llvm::PoisonValue::get(b_.getInt32Ty());
  }
  ir::Type arg_type(const ir::Inst& inst, unsigned n) const { return this->inst(inst.args[n]).result_type(); }
  llvm::Type* type(ir::Type t);
  llvm::Type* var_type(unsigned var);
  static usize var_offset(unsigned var);
  V get(unsigned var);
  void set(unsigned var, V value);
  V state_ptr(usize offset);
  V load_state(llvm::Type* t, usize offset);
  void store_state(V value, usize offset);
  V data_at(usize offset);
  V called(usize offset_in_calls);
  V i32c(u32 n) { return b_.getInt32(n); }
  V i64c(u64 n) { return b_.getInt64(n); }
  llvm::BasicBlock* new_block(const char* name);
  // Goes on in a new block when cond holds; the other one, unlikely, is returned.
  llvm::BasicBlock* unlikely(V not_cond, const char* name);
  void write_back(bool with_pins);
  void reload();
  u32 site() const { return cpu::make_site(insn_index_, block().insn_count - insns_started_); }

  // lower_scalar.cpp
  V scalar(const ir::Inst& inst);
  V flags_op(const ir::Inst& inst);
  V flags_of(ir::Op op, V a, V b);
  V pack_flags(V sum, V carry, V overflow);
  V condition(unsigned cond, ir::Value flags);
  V condition_of_sub(unsigned cond, V a, V b);
  V condition_of_logic(unsigned cond, V a);
  V condition_of_packed(unsigned cond, V flags);
  V reverse_bytes(V a, unsigned container_bits);
  V divide(const ir::Inst& inst, bool is_signed);

  // lower_vector.cpp
  V vector(const ir::Inst& inst);
  V as_lanes(V v, unsigned lane);
  V as_v128(V v);
  V shuffle(V a, V b, unsigned lane, const std::vector<int>& indices);
  V permute(const ir::Inst& inst);
  V shift_by_register(const ir::Inst& inst, bool is_signed);
  V table_lookup(const ir::Inst& inst);

  // lower_mem.cpp
  void lower_mem(ir::Value v, const ir::Inst& inst);
  void inline_access(ir::Value v, const ir::Inst& inst);
  void helper_access(ir::Value v, const ir::Inst& inst);
  V probe(V va, ir::MemInfo m, V& addend);
  V probe_span(V va, u64 bytes, bool write, V& addend);
  V look_up(V table, bool write, V va, u64 to_last, u64 tag_mask, V& addend);
  void plain_access(const ir::Inst& inst, V p, V out[2]);
  V call_slow(const ir::Inst& inst, V va);
  void slow_results(const ir::Inst& inst, V raw, V out[2]);
  V element(V raw, ir::MemInfo m, ir::Type t);
  V load_guest(V p, ir::MemInfo m, ir::Type t);
  void store_guest(V p, ir::MemInfo m, V value);
  V to_raw(V value);
  void check_fault();
  void fence(const ir::Inst& inst);
  void full_fence();
  bool ordered() const { return mode_.ordered() != 0; }

  // lower_share.cpp
  bool may_share(const ir::Inst& inst) const;
  void find_shares();
  Share* share_of(ir::Value v);
  V share_holds(ir::Value v, Share& share);
  V share_start(ir::Value v, const Share& share);
  void join_shares(ir::Value v, const Share* own, const std::vector<Way>& ways);

  // lower_stream.cpp
  std::vector<usize> inner_loop(usize index) const;
  void find_streams();
  void make_streams();
  const Stream* stream_of(ir::Value v) const;
  void find_streams_of(usize index, const std::vector<const ir::Block*>& loop);
  V stream_address(const Stream& stream, V va, u64 bytes, bool write, llvm::BasicBlock* miss);
  void forget_streams();

  // lower_unroll.cpp
  void unroll();
  unsigned copies_of(usize index);
  usize origin_of(usize index) const;
  usize next_of(usize index, usize to) const;
  void check_ahead(const Unrolled& loop);
  void unchecked_access(ir::Value v, const ir::Inst& inst);

  // lower_atomic.cpp
  bool inline_atomic(const ir::Inst& inst) const;
  void atomic_access(ir::Value v, const ir::Inst& inst);
  V join_pair(V low, V high, unsigned element_bits);
  V pair_operand(V v, unsigned element_bits);
  V exchange(V p, V expected, V desired, V& stored);
  void load_exclusive(V p, const ir::Inst& inst, V out[2]);
  V load_joined(V p, ir::MemInfo m, ir::Type t, V out[2]);
  void store_joined(V p, ir::MemInfo m, V first, V second);
  V store_exclusive(V p, const ir::Inst& inst);
  V read_modify_write(V p, const ir::Inst& inst);
  V compare_and_swap(V p, const ir::Inst& inst);
  void zero_block(V va, V addend);

  // lower_window.cpp
  bool uses_window(ir::MemInfo m) const;
  bool is_on_stack(ir::Value v) const;
  V window_address(V va, bool top_first, llvm::BasicBlock* other);
  void leave_at_page_crossing(V va, u64 bytes, llvm::BasicBlock* other);
  V faulting(const std::string& line, const std::string& constraints, llvm::Type* result, llvm::Type* memory, V p,
             V value, llvm::BasicBlock* fault);
  V window_load(V p, ir::MemInfo m, ir::Type t, llvm::BasicBlock* fault);
  void window_store(V p, ir::MemInfo m, V value, llvm::BasicBlock* fault);

  // lower_call.cpp
  void lower_call(ir::Value v, const ir::Inst& inst);
  void call_helper(ir::Value v, const ir::Inst& inst);
  void call_if(ir::Value v, const ir::Inst& inst);
  static bool sees_state(const ir::Block& block, const ir::Inst& inst);
  static bool is_counter_read(const ir::Block& block, const ir::Inst& inst);
  V read_counter(const ir::Inst& inst);
  V helper_address(u64 helper);
  V evaluate(const ir::Inst& inst);
  V from_raw(V raw, ir::Type t);
  void fold_fpsr();
  void save_host_fp();
  void restore_host_fp();

  // lower_helper.cpp
  V native_helper(const ir::Inst& inst);
  V aes(const ir::Inst& inst, cpu::Helper helper);
  V crc32c(const ir::Inst& inst);
  V sha1_rounds(const ir::Inst& inst, unsigned function);
  V sha256_rounds(const ir::Inst& inst, bool first_half);
  V sha256_schedule(const ir::Inst& inst);

  // lower_fp.cpp
  V floating(const ir::Inst& inst);
  V floating_vector(const ir::Inst& inst);
  bool native_fp() const;
  void begin_fp();
  V fp_call(llvm::Intrinsic::ID id, std::initializer_list<V> args);
  V fp_compare(unsigned predicate, V a, V b, bool signals);
  V any(V condition);
  V needs_exact(V result, bool tiny);
  V nan_or_least(V result);
  V or_exact(const ir::Inst& inst, V rare, V fast);
  template <class F>
  V or_exact(const ir::Inst& inst, V rare, F make_fast);
  V arithmetic(ir::Op op, V a, V b, V c, bool& tiny);
  V max_min(ir::Op op, V a, V b, V& rare);
  V compare_flags(V a, V b, bool signals);
  V condition_of_compare(unsigned cond, V a, V b);
  V int_to_float(const ir::Inst& inst);
  V float_to_int(const ir::Inst& inst);

  // lower_fp_group.cpp
  bool is_grouped(const ir::Inst& inst) const;
  void put_off(const ir::Inst& inst, V result, bool tiny);
  bool must_settle(const ir::Inst& inst) const;
  void follow_group(ir::Value v);
  void settle(ir::Value end);
  void replay(ir::Value end);
  bool is_covered(usize n) const;
  void check_group(llvm::BasicBlock* exact);
  V any_of(const std::vector<V>& masks);

  // lower_exit.cpp
  void lower_exit(const ir::Inst& inst);
  void edge(i32 offset, bool is_call);
  void pay_attention(i32 offset);
  void external(i32 offset, bool is_call);
  V in_context();
  void enter_page(i32 step);
  int find_block(i64 relative) const;
  V no_poll_wanted(u32 at_least = 0);
  std::vector<usize> return_targets(usize index) const;
  static unsigned pinned_var(Pin p);
  void leave(ExitReason reason, V pc);
  llvm::BasicBlock* fault_exit();
  void finish_fault_exit();
  V pc_at(i32 offset) { return b_.CreateAdd(get(kVarPcPage), i64c(static_cast<u64>(i64{offset}))); }
  void tail_call(V target);
  void exit_indirect(const ir::Inst& inst);
  void exit_exception(const ir::Inst& inst);
  void take_budget();

  llvm::Module& module_;
  llvm::LLVMContext& context_;
  Region region_;  // with its entry twice where that is also a loop's head
  Unit& unit_;
  const bool has_thunks_;
  llvm::GlobalVariable* data_;
  const LoweringOptions options_;
  llvm::IRBuilder<> b_;
  cpu::Mode mode_;
  llvm::Function* function_ = nullptr;
  V state_ = nullptr;
  V slots_ = nullptr;    // operands of evaluate()
  V host_fp_ = nullptr;  // where the host's FP status word passes through
  llvm::AllocaInst* vars_[kVarCount] = {};
  Vars used_;
  std::vector<BlockInfo> blocks_;
  std::vector<Stream> streams_;
  std::vector<Unrolled> unrolled_;
  usize originals_ = 0;  // blocks that are no copies of unrolled loops
  bool lazy_flags_ = false;
  llvm::MDNode* state_scope_ = nullptr;
  llvm::MDNode* guest_scope_ = nullptr;
  llvm::MDNode* cold_ = nullptr;

  // Of the block that is being lowered.
  usize current_ = 0;
  std::vector<V> values_, seconds_;
  std::vector<Share> shares_;
  std::vector<i32> share_of_;  // of each value; -1: none
  std::vector<i64> offset_;    // of each access that shares, from the base
  // Floating-point results that nothing has checked yet.
  struct Unchecked {
    ir::Value value = 0;
    V result = nullptr;
    bool tiny = false;  // may have been tiny before rounding
  };
  std::vector<Unchecked> group_;
  std::vector<bool> of_group_;  // values that were made of the group's
  Vars set_in_group_;
  std::array<ir::Value, kVarCount> last_set_{};  // of those
  Vars dirty_;
  FlagKind flags_ = FlagKind::Packed;
  struct KnownFlags {
    FlagKind kind = FlagKind::Packed;
    V a = nullptr, b = nullptr;
  };
  std::vector<KnownFlags> known_flags_;  // of GetNzcv
  u32 insn_index_ = 0, insns_started_ = 0;
  llvm::BasicBlock* fault_exit_ = nullptr;  // not filled yet
};

// The host's FP status word in translated code: on x86-64 MXCSR, whose sticky flags are the guest's that FPSR does not
// have yet.
constexpr u32 kHostFpClean = 0x1f80;
void store_host_fp(llvm::IRBuilder<>& b, llvm::Value* to);
void load_host_fp(llvm::IRBuilder<>& b, llvm::Value* from);

}  // namespace ferry::jit::optimizing
