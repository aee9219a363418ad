#include "tests/insn/harness.h"

#include <fmt/format.h>

#include <climits>
#include <cstring>
#include <optional>

#include "frontend/translate.h"
#include "ir/passes.h"
#include "ir/text.h"
#include "ir/verify.h"
#include "jit/interpreter/interpreter.h"
#include "tests/insn/flat_memory.h"

namespace ferry::insn {
namespace {

using cpu::CpuState;
using jit::ExitReason;

class InterpreterRunner : public Runner {
 public:
  ExitReason run(const ir::Block& block, CpuState& s) override { return interpreter_.run(s, block); }

 private:
  jit::Interpreter interpreter_;
};

ir::CallEffects effects_of(u64 helper) {
  const u32 e = cpu::helper_info(static_cast<cpu::Helper>(helper)).effects;
  const bool state = (e & cpu::kState) != 0;
  return {.reads_state = state, .writes_state = state, .may_fault = (e & cpu::kFault) != 0, .pure = e == cpu::kPure};
}

const cpu::HelperFn* helper_table() {
  static const auto table = [] {
    std::array<cpu::HelperFn, static_cast<usize>(cpu::Helper::kCount)> t{};
    for (usize i = 0; i < t.size(); ++i) t[i] = cpu::helper_info(static_cast<cpu::Helper>(i)).function;
    return t;
  }();
  return table.data();
}

// One run of one case: the CPU, its memory and what is found out on the way.
class Run {
 public:
  Run(const Case& c, Runner& runner, Variant variant) : case_(c), runner_(runner), variant_(variant), memory_(c), s_(new CpuState()) {
    std::memcpy(s_->x, c.before.x, sizeof s_->x);
    std::memcpy(s_->v, c.before.v, sizeof s_->v);
    s_->nzcv = c.before.nzcv;
    s_->fpcr = c.before.fpcr;
    s_->fpsr = c.before.fpsr;
    s_->mode = c.mode;
    s_->mode.set_fpcr(cpu::fpcr_key(c.before.fpcr));
    s_->el = static_cast<u8>(c.mode.el());
    s_->sp_sel = 1;
    s_->pc = c.before.pc;
    s_->helpers = helper_table();
    s_->budget = INT_MAX;
    s_->jump_cache = jumps_.get();
    memory_.attach(*s_, variant.warm);
  }

  std::string run() {
    for (unsigned blocks = 0; blocks < 100 && inside() && !exception_; ++blocks) step();
    compare();
    return differences_.empty() ? "" : fmt::format("{}: {}\n{}{}", case_.where, case_.text, differences_, listing_);
  }

 private:
  bool inside() const { return s_->pc >= kCodeVa && s_->pc < kCodeVa + 4 * case_.words.size(); }

  void step() {
    const usize index = (s_->pc - kCodeVa) / 4;
    ir::Block block;
    const std::span words(case_.words.data() + index, case_.words.size() - index);
    frontend::translate(block, words, static_cast<u32>(s_->pc % 4096), s_->mode, variant_.stepped ? 1 : ir::kMaxBlockInsns);
    std::string complaint = ir::verify(block);
    if (complaint.empty() && variant_.optimized) complaint = ir::optimize(block, effects_of, true);
    listing_ += ir::print(block);
    if (!complaint.empty()) return stop("verifier: " + complaint);
    s_->pc_page = s_->pc & ~u64{4095};
    const ExitReason reason = runner_.run(block, *s_);
    switch (reason) {
      case ExitReason::Next: case ExitReason::Indirect: return;
      case ExitReason::Fault:
        s_->pc = s_->pc_page + 4 * u64{cpu::site_index(s_->site)};
        exception_ = s_->exception;
        return;
      case ExitReason::Exception: exception_ = s_->exception; return;
      default: return stop(fmt::format("block left with reason {}", static_cast<u32>(reason)));
    }
  }

  void stop(const std::string& why) {
    differences_ += "  " + why + "\n";
    s_->pc = 0;
  }

  template <class T>
  void check(const std::string& name, const T& got, const T& expected) {
    if (got != expected) differences_ += fmt::format("  {} = {:x}, expected {:x}\n", name, got, expected);
  }

  void compare() {
    for (unsigned n = 0; n < 32; ++n)
      if (s_->x[n] != case_.after.x[n]) check(n == 31 ? "sp" : fmt::format("x{}", n), s_->x[n], case_.after.x[n]);
    for (unsigned n = 0; n < 32; ++n)
      if (s_->v[n] != case_.after.v[n])
        differences_ += fmt::format("  v{} = {:016x}_{:016x}, expected {:016x}_{:016x}\n", n, s_->v[n].hi, s_->v[n].lo, case_.after.v[n].hi, case_.after.v[n].lo);
    check("nzcv", cpu::nzcv_to_arch(s_->nzcv), cpu::nzcv_to_arch(case_.after.nzcv));
    check("fpsr", s_->fpsr, case_.after.fpsr);
    const u8 *got = memory_.contents().bytes, *expected = case_.after.memory.bytes;
    for (usize i = 0; i < kMemoryBytes; ++i)
      if (got[i] != expected[i]) differences_ += fmt::format("  memory {:x} = {:02x}, expected {:02x}\n", kMemoryVa + i, got[i], expected[i]);
    if (case_.exception || exception_) return compare_exception();
    check("pc", s_->pc, case_.after.pc);
  }

  void compare_exception() {
    if (!exception_) { differences_ += "  no exception\n"; return; }
    if (!case_.exception) {
      differences_ += fmt::format("  exception {:x}:{:x} far {:x} at pc {:x}\n", exception_->ec, exception_->iss, exception_->far, s_->pc);
      return;
    }
    check("exception class", exception_->ec, case_.exception->ec);
    if (case_.exception->iss) check("iss", exception_->iss, *case_.exception->iss);
    if (case_.exception->far) check("far", exception_->far, *case_.exception->far);
    check("return to next", exception_->return_to_next ? 1 : 0, case_.exception->return_to_next ? 1 : 0);
    // An exception without a pc= is expected at the last instruction.
    const u64 end = kCodeVa + 4 * case_.words.size();
    check("pc", s_->pc, case_.after.pc == end ? end - 4 : case_.after.pc);
  }

  const Case& case_;
  Runner& runner_;
  Variant variant_;
  FlatMemory memory_;
  std::unique_ptr<CpuState> s_;
  std::unique_ptr<cpu::JumpEntry[]> jumps_ = std::make_unique<cpu::JumpEntry[]>(cpu::kJumpEntries);
  std::optional<cpu::ExceptionInfo> exception_;
  std::string differences_;
  std::string listing_;
};

}  // namespace

std::unique_ptr<Runner> interpreter_runner() { return std::make_unique<InterpreterRunner>(); }

std::string run_case(const Case& c, Runner& runner, Variant variant) { return Run(c, runner, variant).run(); }

}  // namespace ferry::insn
