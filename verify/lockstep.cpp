#include "verify/lockstep.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <thread>

#include "cpu/sysregs.h"
#include "frontend/decoder.h"
#include "runtime/vcpu.h"
#include "verify/block_text.h"
#include "verify/report.h"

namespace ferry::verify {
namespace {

constexpr usize kTraceLines = 64;

// Where memory differs in pages that `got` holds, or empty.
std::string memory_difference(const softmmu::AddressSpace& got, const softmmu::AddressSpace& expected) {
  std::string text;
  for (const auto& region : got.regions()) {
    if (region->kind != softmmu::Region::Kind::Ram || !text.empty()) continue;
    const u8* const theirs = expected.memory_at(region->base, region->size);
    const u8* const ours = region->ram->host();
    region->ram->visit_used([&](u64 offset, u64 size) {
      if (std::memcmp(ours + offset, theirs + offset, size) == 0) return true;
      while (ours[offset] == theirs[offset]) ++offset;
      text = fmt::format("* memory at physical {:x} = {:02x}, expected {:02x}\n", region->base + offset, ours[offset],
                         theirs[offset]);
      return false;
    });
  }
  return text;
}

// The instruction at the processor's PC; nothing where there is none to be read.
std::optional<u32> word_at(runtime::System& system, unsigned cpu, u64 pc) {
  const auto pa = system.vcpu(cpu).mmu().debug_translate(pc);
  const u8* const host = pa ? system.memory().memory_at(*pa, 4) : nullptr;
  if (host == nullptr) return std::nullopt;
  u32 word = 0;
  std::memcpy(&word, host, 4);
  return word;
}

struct Look {
  u64 instant = 0, instructions = 0;
  std::vector<Registers> cpus;
};

Look look_at(runtime::System& system, u64 instant) {
  Look look{instant, system.instructions(), {}};
  for (unsigned i = 0; i < system.cpu_count(); ++i) look.cpus.push_back(registers_of(system.vcpu(i).state()));
  return look;
}

}  // namespace

Registers registers_of(const cpu::CpuState& s) {
  Registers r;
  std::memcpy(r.state.x, s.x, sizeof s.x);
  std::memcpy(r.state.v, s.v, sizeof s.v);
  r.state.nzcv = s.nzcv;
  r.state.fpcr = s.fpcr;
  r.state.fpsr = s.fpsr;
  r.state.pc = s.pc;
  r.daif = s.daif;
  r.el = s.el;
  r.sp_sel = s.sp_sel;
  r.pan = s.pan;
  r.uao = s.uao;
  r.il = s.il;
  r.ss = s.ss;
  r.btype = s.btype;
  for (unsigned el = 0; el < 4; ++el) {
    const bool current = el == (s.sp_sel != 0 ? s.el : 0);  // that one is in x[31]
    r.sp_el[el] = current ? 0 : s.sp_el[el];
    r.elr_el[el] = s.elr_el[el];
    r.spsr_el[el] = s.spsr_el[el];
  }
  std::memcpy(r.sys, s.sys, sizeof r.sys);
  r.mode = s.mode;
  return r;
}

std::string register_differences(const Registers& got, const Registers& expected) {
  std::string text = differences(got.state, expected.state);
  const auto check = [&](const std::string& name, u64 a, u64 b) {
    if (a != b) text += fmt::format("  {} = {:x}, expected {:x}\n", name, a, b);
  };
  check("fpcr", got.state.fpcr, expected.state.fpcr);
  check("daif", got.daif, expected.daif);
  check("el", got.el, expected.el);
  check("spsel", got.sp_sel, expected.sp_sel);
  check("pan", got.pan, expected.pan);
  check("uao", got.uao, expected.uao);
  check("il", got.il, expected.il);
  check("ss", got.ss, expected.ss);
  check("btype", got.btype, expected.btype);
  for (unsigned el = 0; el < 4; ++el) {
    check(fmt::format("sp_el{}", el), got.sp_el[el], expected.sp_el[el]);
    check(fmt::format("elr_el{}", el), got.elr_el[el], expected.elr_el[el]);
    check(fmt::format("spsr_el{}", el), got.spsr_el[el], expected.spsr_el[el]);
  }
  for (usize i = 0; i < std::size(got.sys); ++i)
    if (got.sys[i] != expected.sys[i])
      check(std::string(cpu::sysreg_info(static_cast<cpu::SysReg>(i)).name), got.sys[i], expected.sys[i]);
  return text;
}

// Both machines from power-on; compared from `from` on, every `quantum`.
class Lockstep::Pass {
 public:
  struct Plan {
    u64 from = 0, quantum = 0, until = ~u64{0};
    u64 memory_every = 1;  // 0: never
    bool short_blocks = false;
  };
  Pass(Lockstep& owner, const Plan& plan) : owner_(owner), plan_(plan) {}
  Status run();

  bool differs = false, in_memory = false, one_ended = false;
  u64 equal_until = 0;         // the last instant at which everything looked at was equal
  u64 memory_equal_until = 0;  // likewise memory
  u64 instant = 0, looks = 0, memory_looks = 0, instructions = 0;
  unsigned cpu = 0;  // that differs
  std::string why, text;
  std::optional<Look> before, got, expected;
  std::vector<std::pair<u64, std::optional<u32>>> trace;  // with a quantum of one: PC and word

 private:
  static constexpr unsigned kTested = 0, kReference = 1;
  void arm(unsigned side, u64 instant);
  void arrive(unsigned side, u64 instant);
  void compare(u64 instant);
  void stop(std::string reason);
  void finish();
  runtime::System& system(unsigned side) { return sides_[side]->system(); }

  Lockstep& owner_;
  const Plan plan_;
  std::array<std::unique_ptr<LockstepSide>, 2> sides_;
  std::mutex mutex_;
  std::condition_variable changed_;
  unsigned waiting_ = 0;
  u64 round_ = 0;
  bool stopped_ = false;
  std::array<bool, 2> ended_{};
};

void Lockstep::Pass::arm(unsigned side, u64 at) {
  system(side).events().add(at, [this, side, at] { arrive(side, at); });
}

// On the side's own thread, between two instructions: waits for the other, and the later one compares.
void Lockstep::Pass::arrive(unsigned side, u64 at) {
  std::unique_lock lock(mutex_);
  if (stopped_) return;
  if (++waiting_ == 2) {
    waiting_ = 0;
    ++round_;
    compare(at);
    changed_.notify_all();
  } else {
    const u64 round = round_;
    changed_.wait(lock, [&] { return round_ != round || stopped_ || ended_[1 - side]; });
    if (round_ == round && !stopped_) {
      differs = one_ended = true;
      instant = at;
      text = fmt::format("* the {} has ended, the other goes on\n", side == kTested ? "reference" : "tier under test");
      got = look_at(system(kTested), at);
      expected = look_at(system(kReference), at);
      stop("a difference");
    }
  }
  if (!stopped_) arm(side, at + plan_.quantum);
}

void Lockstep::Pass::stop(std::string reason) {
  stopped_ = true;
  why = std::move(reason);
  for (unsigned side : {kTested, kReference}) system(side).request_end(runtime::EndReason::Requested);
  changed_.notify_all();
}

void Lockstep::Pass::compare(u64 at) {
  Look tested = look_at(system(kTested), at), reference = look_at(system(kReference), at);
  ++looks;
  instructions = reference.instructions;
  instant = at;
  for (unsigned i = 0; i < tested.cpus.size(); ++i) {
    std::string lines = register_differences(tested.cpus[i], reference.cpus[i]);
    if (lines.empty()) continue;
    if (text.empty()) cpu = i;
    text += fmt::format("processor {}\n{}", i, lines);
  }
  if (tested.instructions != reference.instructions)
    text += fmt::format("  instructions = {}, expected {}\n", tested.instructions, reference.instructions);
  if (text.empty() && plan_.memory_every != 0 && looks % plan_.memory_every == 0) {
    ++memory_looks;
    text = memory_difference(system(kTested).memory(), system(kReference).memory());
    if (text.empty()) text = memory_difference(system(kReference).memory(), system(kTested).memory());
    in_memory = !text.empty();
    if (text.empty()) memory_equal_until = at;
  }
  if (!text.empty()) {
    differs = true;
    got = std::move(tested);
    expected = std::move(reference);
    return stop("a difference");
  }
  equal_until = at;
  before = std::move(reference);
  if (plan_.quantum == 1 && trace.size() < kTraceLines) {
    const u64 pc = before->cpus[0].state.pc;
    trace.emplace_back(pc, word_at(system(kReference), 0, pc));
  }
  if (sides_[kReference]->satisfied() && sides_[kTested]->satisfied()) return stop("what was expected has been seen");
  if (at >= plan_.until) return stop("the limit");
  if (owner_.news_ && looks % 256 == 0)
    owner_.news_(fmt::format("equal after {} instructions, {} looks", instructions, looks));
}

// Both have ended by themselves, between two looks.
void Lockstep::Pass::finish() {
  const u64 ends[2] = {system(kTested).clock().now(), system(kReference).clock().now()};
  why = "the guest ended";
  if (ends[0] != ends[1]) text = fmt::format("* the guest ends at {} ns, expected {} ns\n", ends[0], ends[1]);
  plan_.memory_every != 0 ? compare(ends[1]) : void();
  if (!differs) why = "the guest ended";
}

Status Lockstep::Pass::run() {
  for (unsigned side : {kTested, kReference}) {
    auto made = owner_.make_(side == kReference, plan_.short_blocks);
    if (!made) return made.error();
    sides_[side] = std::move(*made);
  }
  for (unsigned side : {kTested, kReference}) arm(side, std::max<u64>(plan_.from, 1));
  std::array<std::thread, 2> threads;
  for (unsigned side : {kTested, kReference})
    threads[side] = std::thread([this, side] {
      system(side).run();
      std::lock_guard lock(mutex_);
      ended_[side] = true;
      changed_.notify_all();
    });
  for (std::thread& t : threads) t.join();
  if (!stopped_) finish();
  return {};
}

namespace {

std::string trace_text(const std::vector<std::pair<u64, std::optional<u32>>>& trace) {
  std::string text;
  for (const auto& [pc, word] : trace)
    text += word ? fmt::format("  {:016x}  {:08x}  {}\n", pc, *word, frontend::disassemble(*word, pc))
                 : fmt::format("  {:016x}  (no memory)\n", pc);
  return text;
}

}  // namespace

Result<LockstepResult> Lockstep::run() {
  using Plan = Pass::Plan;
  auto pass = std::make_unique<Pass>(
      *this, Plan{options_.quantum, options_.quantum, options_.limit, options_.memory_every, false});
  if (Status status = pass->run(); !status) return status.error();
  LockstepResult result{.instant = pass->instant,
                        .instructions = pass->instructions,
                        .looks = pass->looks,
                        .memory_looks = pass->memory_looks,
                        .why = pass->why,
                        .report = {}};
  if (!pass->differs) return result;
  result.end = LockstepResult::End::Difference;
  const bool in_memory = pass->in_memory;
  std::vector<std::pair<u64, std::optional<u32>>> trace;
  bool single = false;
  // Shorter steps as long as the difference stays: a step within a block of code runs in no compiled block.
  for (const u64 quantum : {u64{1'000'000}, u64{10'000}, u64{256}, u64{16}, u64{1}}) {
    const u64 from = in_memory ? pass->memory_equal_until : pass->equal_until;
    if (quantum >= pass->instant - from || pass->one_ended) continue;
    if (news_)
      news_(fmt::format("a difference between {} and {} ns; again, every {} ns", from, pass->instant, quantum));
    auto next = std::make_unique<Pass>(
        *this, Plan{from, quantum, pass->instant + quantum, in_memory ? u64{1} : u64{0}, quantum == 1});
    if (Status status = next->run(); !status) return status.error();
    if (quantum == 1) trace = next->trace;
    if (!next->differs) continue;
    single = quantum == 1;
    pass = std::move(next);
  }
  result.instant = pass->instant;
  result.instructions = pass->instructions;
  std::string& text = result.report;
  text = fmt::format("first difference after {} instructions, at {} ns", pass->instructions, pass->instant);
  text += single ? ", in one instruction\n" : fmt::format(", equal at {} ns\n", pass->equal_until);
  if (single && !trace.empty()) trace.erase(trace.begin(), trace.end() - 1);
  text += trace_text(trace);
  if (pass->before && pass->got && pass->expected)
    text += register_table(pass->before->cpus[pass->cpu].state, pass->got->cpus[pass->cpu].state,
                           pass->expected->cpus[pass->cpu].state);
  text += pass->text;
  if (!trace.empty() && trace[0].second) {
    std::vector<u32> words;
    for (const auto& [pc, word] : trace) {
      if (!word || pc != trace[0].first + 4 * words.size()) break;
      words.push_back(*word);
    }
    const cpu::Mode mode = pass->before ? pass->before->cpus[0].mode : cpu::Mode{};
    text += block_text(words, trace[0].first, mode, options_.tier, options_.features, host_text_);
  }
  return result;
}

}  // namespace ferry::verify
