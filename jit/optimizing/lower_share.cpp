// Accesses of a block that share one probe: those at constant distances from one base, close together.
//
// The first of them asks the shadow TLB about the bytes of all (tag of the first byte's page against the page of the
// last), and what it finds, the host address of the lowest byte, serves the others as long as nothing in between could
// have changed the tables. Only slow paths and helpers can, since another processor's shootdown waits until this one
// polls, which it does between blocks. A slow path, of whichever access, makes the address null; then, and when the
// bytes lie on two pages, each access asks for itself.
//
// With a store among them the first asks the write table: what stands there may be read as well, since stage 1 has no
// writable pages that cannot be read, and both tables say the same host page (softmmu/translate.cpp fills the write
// table only for what is readable).
#include <algorithm>
#include <array>
#include <map>
#include <tuple>

#include "jit/optimizing/lowering.h"

namespace ferry::jit::optimizing {

using ir::Inst;
using ir::kNoValue;
using ir::MemInfo;
using ir::Op;
using ir::Type;
using ir::Value;

namespace {

constexpr i64 kMaxSpan = 1024;  // bytes of a share: the more, the more often it lies on two pages

bool is_plain(Op op) { return op == Op::Load || op == Op::LoadPair || op == Op::Store || op == Op::StorePair; }

// Values of one block that are the same computation of the same values.
class Numbering {
 public:
  explicit Numbering(const ir::Block& block) : block_(block), same_(block.insts.size()) {}
  void add(Value v) {
    const Inst& d = block_.insts[v];
    same_[v] = v;
    if (ir::info(d.op).effect != ir::Effect::Pure || d.op == Op::Second) return;
    Key key{d.op, d.type, d.lane, d.aux, d.imm, {kNoValue, kNoValue, kNoValue}};
    if (d.arg_count() > 3) return;
    for (unsigned n = 0; n < d.arg_count(); ++n) std::get<5>(key)[n] = same_[d.args[n]];
    same_[v] = known_.emplace(key, v).first->second;
  }
  // An address as a base and a distance.
  Value split(Value v, i64& offset) const {
    offset = 0;
    for (v = same_[v];;) {
      const Inst& d = block_.insts[v];
      if (d.type != Type::I64 || (d.op != Op::Add && d.op != Op::Sub)) return v;
      const bool first = d.op == Op::Add && block_.insts[d.args[0]].op == Op::Const;
      const Inst& constant = block_.insts[d.args[first ? 0 : 1]];
      if (constant.op != Op::Const) return v;
      const i64 n = static_cast<i64>(constant.imm);
      if (n > kMaxSpan * 64 || n < -kMaxSpan * 64) return v;
      offset += d.op == Op::Add ? n : -n;
      v = same_[d.args[first ? 1 : 0]];
    }
  }

 private:
  using Key = std::tuple<Op, Type, u8, u8, u64, std::array<Value, 3>>;
  const ir::Block& block_;
  std::vector<Value> same_;
  std::map<Key, Value> known_;
};

}  // namespace

bool Lowering::may_share(const Inst& d) const {
  if (!is_plain(d.op) || mode_.big_endian() != 0 || mode_.align_check() != 0) return false;
  const MemInfo m = MemInfo::decode(d.imm);
  return !m.exclusive && !m.aligned && !m.unprivileged && !uses_window(m);
}

// Finds the accesses of the current block that share. A share of one access is none.
void Lowering::find_shares() {
  const ir::Block& block = this->block();
  shares_.clear();
  share_of_.assign(block.insts.size(), -1);
  offset_.assign(block.insts.size(), 0);
  Numbering numbers(block);
  std::map<Value, usize> open;
  for (Value v = 0; v < block.insts.size(); ++v) {
    const Inst& d = block.insts[v];
    numbers.add(v);
    const ir::Effect effect = ir::info(d.op).effect;
    const bool inlined = is_plain(d.op) && !MemInfo::decode(d.imm).exclusive;
    if (effect == ir::Effect::Call || (effect == ir::Effect::Mem && !inlined && d.op != Op::Fence)) open.clear();
    if (!may_share(d)) continue;
    i64 offset = 0;
    const Value base = numbers.split(d.args[0], offset);
    const MemInfo m = MemInfo::decode(d.imm);
    const i64 end = offset + static_cast<i64>(m.bytes());
    auto at = open.find(base);
    if (at != open.end()) {
      const Share& share = shares_[at->second];
      if (std::max(share.high, end) - std::min(share.low, offset) > kMaxSpan) {
        open.erase(at);
        at = open.end();
      }
    }
    if (at == open.end()) {
      at = open.emplace(base, shares_.size()).first;
      shares_.push_back({.first = v, .low = offset, .high = end});
    }
    Share& share = shares_[at->second];
    share.low = std::min(share.low, offset);
    share.high = std::max(share.high, end);
    share.last = v;
    share.write = share.write || m.write;
    ++share.members;
    share_of_[v] = static_cast<i32>(at->second);
    offset_[v] = offset;
  }
}

Lowering::Share* Lowering::share_of(Value v) {
  if (share_of_[v] < 0) return nullptr;
  Share& share = shares_[static_cast<usize>(share_of_[v])];
  return share.members > 1 ? &share : nullptr;
}

// An i1: the share's bytes are at share.host.
Lowering::V Lowering::share_holds(Value v, Share& share) {
  if (v != share.first) return b_.CreateIsNotNull(share.host);
  // The probe of an access to all of it.
  V low = share_start(v, share), addend = nullptr;
  V hit = probe_span(low, static_cast<u64>(share.high - share.low), share.write, addend);
  share.host = b_.CreateIntToPtr(b_.CreateAdd(low, addend), b_.getPtrTy());
  return hit;
}

// The address of the share's first byte, from that of one of its accesses.
Lowering::V Lowering::share_start(Value v, const Share& share) {
  V low = values_[inst(v).args[0]];
  return share.low == offset_[v] ? low : b_.CreateAdd(low, i64c(static_cast<u64>(share.low - offset_[v])));
}

// Behind an access: the addresses that are still wanted. Its slow path has perhaps changed the tables (a device that it
// reached decides whether its memory is read directly), and after a probe of its own its share is not known to hold.
void Lowering::join_shares(Value v, const Share* own, const std::vector<Way>& ways) {
  V none = llvm::ConstantPointerNull::get(b_.getPtrTy());
  for (Share& share : shares_) {
    if (share.members < 2 || share.host == nullptr || share.last <= v) continue;
    llvm::PHINode* host = b_.CreatePHI(b_.getPtrTy(), static_cast<unsigned>(ways.size()));
    for (usize n = 0; n < ways.size(); ++n) {
      const bool lost = n + 1 == ways.size() || (&share == own && n != 0);
      host->addIncoming(lost ? none : share.host, ways[n].from);
    }
    share.host = host;
  }
}

}  // namespace ferry::jit::optimizing
