// Loops of one block all of whose accesses are streams (lower_stream.cpp), several iterations at a time.
//
// The loop's head asks once whether each stream stays in a page that is known or in the TLB for all these iterations.
// Then they run in copies of the block, which check no address, cannot fault, and look for a poll once, at the last
// one's end; else the block runs as it is, for one iteration. Nothing in the copies changes the tables: they call only
// what computes.
#include <algorithm>

#include "jit/optimizing/lowering.h"

namespace ferry::jit::optimizing {

using ir::Inst;
using ir::MemInfo;
using ir::Op;
using ir::Value;

namespace {

constexpr u32 kShort = 12, kLong = 40;  // guest instructions of loops that run by four and by two iterations
constexpr u64 kMaxAhead = 1024;         // bytes from the first iteration's access to the last one's

u64 distance(i64 step, unsigned copies) { return static_cast<u64>(step < 0 ? -step : step) * (copies - 1); }

}  // namespace

// The block that this one is a copy of, or itself.
usize Lowering::origin_of(usize index) const {
  for (const Unrolled& loop : unrolled_)
    if (index >= loop.first && index < loop.first + loop.copies) return loop.block;
  return index;
}

// Where an edge to a block goes: from a copy around the loop to the next one.
usize Lowering::next_of(usize index, usize to) const {
  for (const Unrolled& loop : unrolled_)
    if (to == loop.block && index >= loop.first && index + 1 < loop.first + loop.copies) return index + 1;
  return to;
}

void Lowering::unroll() {
  if (streams_.empty() || mode_.virtual_time() != 0) return;
  for (usize i = 0; i < originals_; ++i) {
    const unsigned copies = copies_of(i);
    if (copies < 2) continue;
    unrolled_.push_back({.block = i, .first = region_.blocks.size(), .copies = copies});
    const RegionBlock original = region_.blocks[i];
    region_.blocks.insert(region_.blocks.end(), copies, original);
  }
}

// How many copies a block gets; 0: it stays as it is.
unsigned Lowering::copies_of(usize index) {
  current_ = index;
  const ir::Block& block = this->block();
  if (block.insn_count > kLong || block.exit().op != Op::ExitIf) return 0;
  const std::vector<usize> to = successors(index);
  if (std::find(to.begin(), to.end(), index) == to.end()) return 0;
  unsigned copies = block.insn_count <= kShort ? 4 : 2;
  find_shares();
  bool accesses = false;
  std::vector<bool> known(block.insts.size());  // what the head can compute: of the registers as the block finds them
  std::bitset<32> set;
  for (Value v = 0; v < block.insts.size(); ++v) {
    const Inst& d = block.insts[v];
    const ir::Effect effect = ir::info(d.op).effect;
    known[v] = effect == ir::Effect::Pure || d.op == Op::PcPage || (d.op == Op::GetX && !set[d.aux]);
    for (unsigned n = 0; n < d.arg_count(); ++n) known[v] = known[v] && known[d.args[n]];
    if (d.op == Op::SetX) set.set(d.aux);
    if (effect == ir::Effect::Call) return 0;
    if (effect != ir::Effect::Mem) continue;
    if (!may_share(d) || MemInfo::decode(d.imm).order != ir::Order::None) return 0;
    const Share* share = share_of(v);
    const Stream* stream = stream_of(share != nullptr ? share->first : v);
    if (stream == nullptr || !stream->exact || !known[d.args[0]]) return 0;
    while (copies > 1 && distance(stream->step, copies) > kMaxAhead) copies /= 2;
    accesses = true;
  }
  return accesses ? copies : 0;
}

// At the loop's head: to the copies, or on where one of the streams may leave its page.
void Lowering::check_ahead(const Unrolled& loop) {
  std::vector<bool> wanted(block().insts.size());
  for (const Stream& s : streams_)
    if (s.block == loop.block) wanted[inst(s.value).args[0]] = true;
  for (usize v = wanted.size(); v-- > 0;)
    for (unsigned n = 0; wanted[v] && n < block().insts[v].arg_count(); ++n) wanted[block().insts[v].args[n]] = true;
  for (Value v = 0; v < wanted.size(); ++v)
    if (wanted[v]) lower(v, block().insts[v]);
  llvm::BasicBlock* one = new_block("");
  for (Stream& s : streams_) {
    if (s.block != loop.block) continue;
    const Share* share = share_of(s.value);
    const MemInfo m = MemInfo::decode(inst(s.value).imm);
    const u64 bytes = share != nullptr ? static_cast<u64>(share->high - share->low) : m.bytes();
    const u64 ahead = distance(s.step, loop.copies);
    V va = share != nullptr ? share_start(s.value, *share) : values_[inst(s.value).args[0]];
    V low = s.step < 0 ? b_.CreateSub(va, i64c(ahead)) : va;
    V p = stream_address(s, low, bytes + ahead, share != nullptr ? share->write : m.write, one);
    s.ahead = s.step < 0 ? b_.CreateConstGEP1_64(b_.getInt8Ty(), p, ahead) : p;
  }
  b_.CreateBr(blocks_[loop.first].start);
  b_.SetInsertPoint(one);
}

// An access of a copy.
void Lowering::unchecked_access(Value v, const Inst& d) {
  const Share* share = share_of(v);
  const Stream& stream = *stream_of(share != nullptr ? share->first : v);
  i64 distance = share != nullptr ? offset_[v] - share->low : 0;
  for (const Unrolled& loop : unrolled_)
    if (loop.block == stream.block) distance += stream.step * static_cast<i64>(current_ - loop.first);
  V values[2] = {};
  plain_access(d, b_.CreateConstGEP1_64(b_.getInt8Ty(), stream.ahead, static_cast<u64>(distance)), values);
  values_[v] = values[0];
  seconds_[v] = values[1];
}

}  // namespace ferry::jit::optimizing
