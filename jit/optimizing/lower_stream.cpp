// Streams: accesses of an inner loop whose addresses stay, or go on by small steps.
//
// What the last probe of such an access found, the page and where it lies in the host's memory, is kept over the loop's
// iterations, and is asked before the TLB. It holds as long as an entry of the TLB would: only slow paths and helpers
// of this processor change the tables while it is in translated code, and behind each of them every stream is
// forgotten; another processor's shootdown waits until this one leaves by a poll, and to leave is to forget, too.
//
// Which addresses are streams is a guess (a page that changes at each access costs a comparison more); nothing else
// depends on it.
#include <algorithm>
#include <array>
#include <optional>

#include "jit/optimizing/lowering.h"

namespace ferry::jit::optimizing {

using ir::Inst;
using ir::Op;
using ir::Type;
using ir::Value;

namespace {

constexpr usize kMaxStreams = 8;
constexpr usize kMaxCycle = 4;    // blocks of a loop
constexpr i64 kMaxStep = 512;     // bytes from one iteration to the next
using Step = std::optional<i64>;  // nullopt: not known

// What one iteration of a loop adds to values. exact: modulo 2^64, whatever the values are; else a guess, which takes
// it that no narrow sum wraps.
class Steps {
 public:
  Steps(const std::vector<const ir::Block*>& loop, bool exact) : exact_(exact) {
    registers_.fill(0);
    for (const ir::Block* block : loop) add(*block);
  }
  // Of each value of a block of the loop.
  std::vector<Step> of(const ir::Block& block) const {
    std::vector<Step> steps(block.insts.size());
    std::array<std::optional<Value>, 32> set{};
    for (Value v = 0; v < block.insts.size(); ++v) {
      const Inst& d = block.insts[v];
      if (d.op == Op::SetX) set[d.aux] = d.args[0];
      if (d.op == Op::GetX)
        steps[v] = set[d.aux] ? steps[*set[d.aux]] : registers_[d.aux];
      else
        steps[v] = of(block, d, steps);
    }
    return steps;
  }

 private:
  Step of(const ir::Block& block, const Inst& d, const std::vector<Step>& steps) const {
    const bool wide = !exact_ || d.type == Type::I64;
    const auto arg = [&](unsigned n) { return steps[d.args[n]]; };
    switch (d.op) {
      case Op::Const:
      case Op::PcPage: return 0;
      case Op::Add:
      case Op::Sub:
        if (!wide) break;
        if (!arg(0) || !arg(1)) return std::nullopt;
        return d.op == Op::Add ? *arg(0) + *arg(1) : *arg(0) - *arg(1);
      case Op::Shl: {
        if (!wide) break;
        const Inst& amount = block.insts[d.args[1]];
        if (!arg(0) || amount.op != Op::Const || amount.imm > 6) return std::nullopt;
        return *arg(0) * (i64{1} << amount.imm);
      }
      case Op::Trunc:
      case Op::Sext:
      case Op::Zext:
      case Op::SextW:
      case Op::ZextW:
        if (exact_) break;
        return arg(0);
      default: break;
    }
    if (ir::info(d.op).effect != ir::Effect::Pure) return std::nullopt;
    for (unsigned n = 0; n < d.arg_count(); ++n)
      if (arg(n) != Step(0)) return std::nullopt;
    return 0;
  }
  // What a block makes of the registers that it sets.
  void add(const ir::Block& block) {
    std::array<std::optional<Value>, 32> last{};
    for (const Inst& d : block.insts)
      if (d.op == Op::SetX) last[d.aux] = d.args[0];
    for (unsigned r = 0; r < last.size(); ++r) {
      if (!last[r]) continue;
      const Step more = increment(block, *last[r], r);
      registers_[r] = registers_[r] && more ? Step(*registers_[r] + *more) : std::nullopt;
    }
  }
  // A value as the register's and a constant.
  Step increment(const ir::Block& block, Value v, unsigned reg) const {
    for (i64 sum = 0;;) {
      const Inst& d = block.insts[v];
      if (d.op == Op::GetX) return d.aux == reg && (!exact_ || d.type == Type::I64) ? Step(sum) : std::nullopt;
      if (!exact_ && (d.op == Op::ZextW || d.op == Op::Trunc)) {
        v = d.args[0];
        continue;
      }
      if ((d.op != Op::Add && d.op != Op::Sub) || (exact_ && d.type != Type::I64)) return std::nullopt;
      const unsigned other = block.insts[d.args[1]].op == Op::Const ? 1 : 0;
      const Inst& constant = block.insts[d.args[other]];
      if (constant.op != Op::Const || (d.op == Op::Sub && other == 0)) return std::nullopt;
      const i64 n = static_cast<i64>(constant.imm);
      if (n > kMaxStep || n < -kMaxStep) return std::nullopt;
      sum += d.op == Op::Add ? n : -n;
      v = d.args[1 - other];
    }
  }

  const bool exact_;
  std::array<Step, 32> registers_;
};

}  // namespace

// The blocks of the shortest loop through a block; empty: it is in none that is short.
std::vector<usize> Lowering::inner_loop(usize index) const {
  std::vector<usize> found = {index}, from = {0};
  for (usize n = 0, end_of_round = 1, length = 1; n < found.size() && length <= kMaxCycle; ++n) {
    if (n == end_of_round) {
      end_of_round = found.size();
      if (++length > kMaxCycle) break;
    }
    for (const usize to : successors(found[n])) {
      if (to == index) {
        std::vector<usize> loop = {index};
        for (usize at = n; at != 0; at = from[at]) loop.push_back(found[at]);
        return loop;
      }
      if (std::find(found.begin(), found.end(), to) != found.end()) continue;
      found.push_back(to);
      from.push_back(n);
    }
  }
  return {};
}

// Loops of one block come first: those are the ones that run longest.
void Lowering::find_streams() {
  if (options_.write_through) return;
  for (const bool single : {true, false}) {
    for (usize i = 0; i < region_.blocks.size() && streams_.size() < kMaxStreams; ++i) {
      std::vector<const ir::Block*> loop;
      for (const usize n : inner_loop(i)) loop.push_back(region_.blocks[n].ir);
      if (!loop.empty() && (loop.size() == 1) == single) find_streams_of(i, loop);
    }
  }
}

void Lowering::find_streams_of(usize index, const std::vector<const ir::Block*>& loop) {
  current_ = index;
  find_shares();
  const std::vector<Step> steps = Steps(loop, false).of(block());
  const std::vector<Step> exact = Steps(loop, true).of(block());
  for (Value v = 0; v < steps.size() && streams_.size() < kMaxStreams; ++v) {
    const Inst& d = inst(v);
    if (!may_share(d) || (share_of(v) != nullptr && share_of(v)->first != v)) continue;
    const Step step = steps[d.args[0]];
    if (!step || *step > kMaxStep || *step < -kMaxStep) continue;
    streams_.push_back({.block = index, .value = v, .step = *step, .exact = exact[d.args[0]] == step});
  }
}

void Lowering::make_streams() {
  for (Stream& s : streams_) {
    s.tag = b_.CreateAlloca(b_.getInt64Ty());
    s.host = b_.CreateAlloca(b_.getPtrTy());
    b_.CreateStore(load_word(b_, data_, b_.getInt64Ty(), offsetof(RegionWords, forgotten)), s.tag);
    b_.CreateStore(llvm::ConstantPointerNull::get(b_.getPtrTy()), s.host);
  }
}

const Lowering::Stream* Lowering::stream_of(Value v) const {
  const usize index = origin_of(current_);
  for (const Stream& s : streams_)
    if (s.block == index && s.value == v) return &s;
  return nullptr;
}

// Goes on where the page of an access of `bytes` bytes is known, at `miss` where the TLB does not know it either. Where
// the access lies in the host's memory.
Lowering::V Lowering::stream_address(const Stream& stream, V va, u64 bytes, bool write, llvm::BasicBlock* miss) {
  // Both ends: an access that goes back over the page's beginning ends in the page.
  V tag = b_.CreateLoad(b_.getInt64Ty(), stream.tag);
  // Frozen, so that the address below is made of it and not of its parts once more.
  V offset = b_.CreateFreeze(b_.CreateSub(va, tag));
  V same = b_.CreateICmpULE(offset, i64c(0x1000 - bytes));
  llvm::BasicBlock* ask = unlikely(same, "stream");
  llvm::BasicBlock* known = b_.GetInsertBlock();
  llvm::BasicBlock* join = new_block("");
  V host = b_.CreateGEP(b_.getInt8Ty(), b_.CreateLoad(b_.getPtrTy(), stream.host), offset);
  b_.CreateBr(join);
  b_.SetInsertPoint(ask);
  V addend = nullptr;
  V hit = probe_span(va, bytes, write, addend);
  llvm::BasicBlock* keep = new_block("");
  b_.CreateCondBr(hit, keep, miss, cold_);
  b_.SetInsertPoint(keep);
  V page = b_.CreateAnd(va, ~u64{0xfff});
  b_.CreateStore(page, stream.tag);
  b_.CreateStore(b_.CreateIntToPtr(b_.CreateAdd(page, addend), b_.getPtrTy()), stream.host);
  V found = b_.CreateIntToPtr(b_.CreateAdd(va, addend), b_.getPtrTy());
  b_.CreateBr(join);
  b_.SetInsertPoint(join);
  llvm::PHINode* p = b_.CreatePHI(b_.getPtrTy(), 2);
  p->addIncoming(host, known);
  p->addIncoming(found, keep);
  return p;
}

void Lowering::forget_streams() {
  for (const Stream& s : streams_)
    b_.CreateStore(load_word(b_, data_, b_.getInt64Ty(), offsetof(RegionWords, forgotten)), s.tag);
}

}  // namespace ferry::jit::optimizing
