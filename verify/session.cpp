#include "verify/session.h"

#include <fmt/format.h>

#include <array>
#include <cstring>

#include "cpu/pauth.h"
#include "frontend/translate.h"
#include "ir/passes.h"
#include "ir/text.h"
#include "ir/verify.h"
#include "jit/helper_effects.h"

namespace ferry::verify {
namespace {

using jit::ExitReason;

const cpu::HelperFn* helper_table() {
  static const auto table = [] {
    std::array<cpu::HelperFn, static_cast<usize>(cpu::Helper::kCount)> t{};
    for (usize i = 0; i < t.size(); ++i) t[i] = cpu::helper_info(static_cast<cpu::Helper>(i)).function;
    return t;
  }();
  return table.data();
}

}  // namespace

Session::Session(std::span<const u32> words, cpu::Mode mode, Runner& runner, Variant variant, cpu::FeatureSet features)
    : words_(words.begin(), words.end()),
      mode_(mode),
      features_(features),
      runner_(runner),
      variant_(variant),
      memory_(words),
      s_(new cpu::CpuState()),
      jumps_(new cpu::JumpEntry[cpu::kJumpEntries]),
      blocks_(words.size()) {
  runner.rest();
  for (usize i = 0; i < cpu::kJumpEntries; ++i) jumps_[i] = {~u64{0}, 0, nullptr, 0};
  s_->helpers = helper_table();
  s_->jump_cache = jumps_.get();
  s_->context = 1;
  s_->features = features;
  s_->el = static_cast<u8>(mode.el());
  s_->sp_sel = static_cast<u8>(mode.sp_sel());
  set_pauth();
  memory_.attach(*s_, variant.warm);
}

// Pointer authentication as Mode says: 48-bit addresses, every key with a value of its own.
void Session::set_pauth() {
  using cpu::SysReg;
  s_->reg(SysReg::TCR_EL1) = 16 | 16 << 16 | u64{mode_.tbi()} << 37;
  if (mode_.pac() != 0) s_->reg(SysReg::SCTLR_EL1) = 0xc8002000;  // EnIA, EnIB, EnDA, EnDB
  for (unsigned n = 0; n < 10; ++n)
    s_->sys[static_cast<usize>(SysReg::APIAKeyLo_EL1) + n] = 0x0123456789abcdef * (n + 1);
  s_->pac_mask = cpu::pac_mask(*s_);
}

void Session::load(const State& before) {
  std::memcpy(s_->x, before.x, sizeof s_->x);
  std::memcpy(s_->v, before.v, sizeof s_->v);
  s_->nzcv = before.nzcv;
  s_->fpcr = before.fpcr;
  s_->fpsr = before.fpsr;
  s_->pc = before.pc;
  s_->mode = mode_;
  s_->fault = 0;
  s_->monitor_size = 0;
  s_->budget = -1;  // leave at every poll: a tier may make a loop of a block that jumps to itself
}

Outcome Session::run(const State& before, unsigned max_blocks) {
  Outcome out;
  run(before, out, max_blocks);
  return out;
}

void Session::run(const State& before, Outcome& out, unsigned max_blocks) {
  out.exception.reset();
  out.problem.clear();
  load(before);
  for (unsigned blocks = 0; blocks < max_blocks && s_->pc >= kCodeVa && s_->pc < end(); ++blocks) {
    step(out);
    if (out.exception || !out.problem.empty()) break;
  }
  std::memcpy(out.state.x, s_->x, sizeof s_->x);
  std::memcpy(out.state.v, s_->v, sizeof s_->v);
  out.state.nzcv = s_->nzcv;
  out.state.fpcr = s_->fpcr;
  out.state.fpsr = s_->fpsr;
  out.state.pc = s_->pc;
}

Session::Prepared* Session::prepare(usize index, Outcome& out) {
  const cpu::Mode mode = s_->mode;
  Prepared& p = mode == mode_ ? blocks_[index] : blocks_of_others_[{index, mode.value}];
  if (p.ready) return &p;
  const std::span words(words_.data() + index, words_.size() - index);
  const u32 offset = static_cast<u32>((kCodeVa + 4 * index) % 4096);
  frontend::translate(p.block, words, offset, mode, variant_.stepped ? 1 : ir::kMaxBlockInsns, features_);
  out.problem = ir::verify(p.block);
  if (out.problem.empty() && variant_.optimized) out.problem = ir::optimize(p.block, jit::helper_effects, true);
  if (!out.problem.empty()) return nullptr;
  p.code = runner_.prepare(p.block);
  p.ready = true;
  return &p;
}

void Session::step(Outcome& out) {
  if (s_->pc % 4 != 0) {
    out.problem = "PC is not a multiple of four";
    return;
  }
  // After an MSR FPCR the mode is another; of its other fields none can change at EL0.
  s_->mode = mode_;
  s_->mode.set_fpcr(cpu::fpcr_key(s_->fpcr));
  const Prepared* p = prepare((s_->pc - kCodeVa) / 4, out);
  if (p == nullptr) return;
  s_->pc_page = s_->pc & ~u64{4095};
  const ExitReason reason = runner_.run(*s_, p->block, p->code.code);
  switch (reason) {
    case ExitReason::Next:
    case ExitReason::Indirect:
    case ExitReason::Poll:
    case ExitReason::Context:
    case ExitReason::Yield: return;
    case ExitReason::Fault:
      s_->pc = s_->pc_page + 4 * u64{cpu::site_index(s_->site)};
      s_->fault = 0;
      out.exception = s_->exception;
      return;
    case ExitReason::Exception: out.exception = s_->exception; return;
    default: out.problem = fmt::format("block left with reason {}", static_cast<u32>(reason));
  }
}

std::string Session::listing() const {
  std::string text;
  for (const Prepared& p : blocks_)
    if (!p.block.insts.empty()) text += ir::print(p.block);
  for (const auto& [key, p] : blocks_of_others_) text += ir::print(p.block);
  return text;
}

std::string Session::host_code(HostText text) const {
  std::string all;
  const auto add = [&](const Prepared& p) {
    if (p.code.code != nullptr) all += text(p.code.code, p.code.bytes);
  };
  for (const Prepared& p : blocks_) add(p);
  for (const auto& [key, p] : blocks_of_others_) add(p);
  return all;
}

}  // namespace ferry::verify
