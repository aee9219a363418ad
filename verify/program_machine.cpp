#include "verify/program_machine.h"

#include <cstring>
#include <utility>

#include "core/check.h"
#include "cpu/exceptions.h"
#include "cpu/sysregs.h"
#include "jit/tiers.h"
#include "runtime/system.h"
#include "runtime/vcpu.h"
#include "verify/a64.h"

namespace ferry::verify {
namespace {

// Pages of the machine's own, at the beginning of RAM; the frames follow.
constexpr u64 kStubPage = kProgramRam, kBootPage = kProgramRam + 0x1000, kLevel1 = kProgramRam + 0x2000,
              kLevel2 = kProgramRam + 0x3000, kOwnPages = kProgramRam + 0x4000, kCodeTable = kProgramRam + 0x5000,
              kDataTable = kProgramRam + 0x6000, kFrames = kProgramRam + 0x8000;
constexpr u64 kRamSize = 0x8000 + 4096 * kProgramFrames;
constexpr u64 kTable = 3, kPage = 3 | 1 << 10 | 3 << 8;
constexpr u64 kMaxInstructions = 400'000;  // of a case
constexpr u64 kPatienceNs = 60'000'000'000;

constexpr u32 kHotRounds = 6;

// From power-on: sets up translation from the boot page. Word 15: invalidates the TLB, loads the boot page's state
// and goes there by ERET.
constexpr u32 kStub[] = {
    0x1000801e,                                      // adr x30, boot page
    0xf9418fc0, 0xd5182040,                          // ldr x0, [x30, #tcr]; msr tcr_el1, x0
    0xf94193c0, 0xd518a200,                          // ldr x0, [x30, #mair]; msr mair_el1, x0
    0xf94197c0, 0xd5182000,                          // ldr x0, [x30, #ttbr0]; msr ttbr0_el1, x0
    0xf9419bc0, 0xd518c000,                          // ldr x0, [x30, #vbar]; msr vbar_el1, x0
    0xf9419fc0, 0xd5181040, 0xd5033fdf,              // ldr x0, [x30, #cpacr]; msr cpacr_el1, x0; isb
    0xf941a3c0, 0xd5181000, 0xd5033fdf,              // ldr x0, [x30, #sctlr]; msr sctlr_el1, x0; isb
    0xd508871f, 0xd5033b9f, 0xd5033fdf,              // word 15: tlbi vmalle1; dsb ish; isb
    0x10007dde,                                      // adr x30, boot page
    0xad4007c0, 0xad410fc2, 0xad4217c4, 0xad431fc6,  // ldp q0, q1, [x30, #0]; ... q7
    0xad4427c8, 0xad452fca, 0xad4637cc, 0xad473fce,  // ldp q8, q9, [x30, #128]; ... q15
    0xad4847d0, 0xad494fd2, 0xad4a57d4, 0xad4b5fd6,  // ldp q16, q17, [x30, #256]; ... q23
    0xad4c67d8, 0xad4d6fda, 0xad4e77dc, 0xad4f7fde,  // ldp q24, q25, [x30, #384]; ... q31
    0xf94187c0, 0xd51b4400,                          // ldr x0, [x30, #fpcr]; msr fpcr, x0
    0xf9418bc0, 0xd51b4420,                          // ldr x0, [x30, #fpsr]; msr fpsr, x0
    0xf94183c0, 0xd5184000,                          // ldr x0, [x30, #spsr]; msr spsr_el1, x0
    0xf941a7c0, 0xd5184020,                          // ldr x0, [x30, #pc]; msr elr_el1, x0
    0xf9417fc0, 0xd5184100, 0x9100001f,              // ldr x0, [x30, #x[31]]; msr sp_el0, x0; mov sp, x0
    0x910803de,                                      // add x30, x30, #x
    0xa94007c0, 0xa9410fc2, 0xa94217c4, 0xa9431fc6,  // ldp x0, x1, [x30, #0]; ... x7
    0xa94427c8, 0xa9452fca, 0xa94637cc, 0xa9473fce,  // ldp x8, x9, [x30, #64]; ... x15
    0xa94847d0, 0xa9494fd2, 0xa94a57d4, 0xa94b5fd6,  // ldp x16, x17, [x30, #128]; ... x23
    0xa94c67d8, 0xa94d6fda, 0xa94e77dc,              // ldp x24, x25, [x30, #192]; ... x29
    0xf9407bde, 0xd69f03e0,                          // ldr x30, [x30, #240]; eret
};
constexpr usize kNext = 15;
// A vector: FPSR to TPIDRRO_EL0, by way of X0, which TPIDR_EL1 keeps; HVC; a branch to word 15 of the stub.
constexpr u32 kVector[] = {0xd518d080, 0xd53b4420, 0xd51bd060, 0xd538d080, 0xd4000002};
constexpr usize kVectors = 0x200;  // in words

struct BootPage {
  U128 v[32];
  u64 x[32];  // SP at 31
  u64 spsr, fpcr, fpsr, tcr, mair, ttbr0, vbar, cpacr, sctlr, pc;
};
static_assert(offsetof(BootPage, spsr) == 0x300);
static_assert((kProgramCodeEntries & ~u64{0xfff}) == kCodeTable);

Settings settings_of(const Program& p, const ProgramRunOptions& o) {
  Settings s;
  s.tier = o.tier;
  s.cache_persistent = false;
  s.code_cache = usize{8} << 20;
  s.llvm_threshold = p.threshold;
  if (p.window) s.mem_window = Window::On;
  if (o.reference) {
    s.block_limit = 1;
    s.ir_passes = false;
  }
  return s;
}

class ProgramMachine {
 public:
  ProgramMachine(const Program& p, const ProgramRunOptions& o, const cpu::Model& model)
      : program_(p),
        options_(o),
        settings_(settings_of(p, o)),
        virtual_time_(o.reference || p.virtual_time),
        clock_(virtual_time_ ? Clock::Kind::kVirtual : Clock::Kind::kReal) {
    auto compiler = jit::make_compiler(settings_);
    ASSERT(compiler.ok(), "a tier that is available cannot be made");
    ASSERT(memory_.add_ram("ram", kProgramRam, kRamSize).ok(), "no memory");
    const u64 limit = virtual_time_ ? kMaxInstructions * p.states.size() * o.rounds : 0;
    system_ = std::make_unique<runtime::System>(
        runtime::SystemConfig{.settings = &settings_, .model = &model, .cpus = 1, .limit_instructions = limit},
        std::move(*compiler), memory_, clock_, events_);
    system_->set_firmware([this](runtime::Vcpu& vcpu, bool) { return end_of_case(vcpu); });
    system_->translator().set_hot_rounds(kHotRounds);
    fill_frames();
  }

  ProgramRun run() {
    system_->reset();
    write_own_pages();
    load_case();
    system_->vcpu(0).start(kStubPage, 0);
    Timer patience(events_, [this] { system_->request_end(runtime::EndReason::InstructionLimit); });
    if (!virtual_time_) patience.arm(clock_.now() + kPatienceNs);
    run_.ended = system_->run() == runtime::EndReason::Requested;
    run_.regions = system_->stats().blocks_llvm;
    return std::move(run_);
  }

 private:
  void put(u64 pa, const void* from, usize bytes) { ASSERT(memory_.write(pa, from, bytes), "not in RAM"); }
  void put(u64 pa, u64 value) { put(pa, &value, sizeof value); }
  static u64 frame(u8 n) { return kFrames + u64{4096} * n; }

  // What the frames hold before each case: random data, and the code in its pages.
  void fill_frames() {
    frames_.resize(4096 * kProgramFrames);
    Random random(program_.data_seed);
    for (usize i = 0; i < frames_.size(); i += 8) {
      const u64 v = random.next();
      std::memcpy(frames_.data() + i, &v, 8);
    }
    for (usize i = 0; i < kProgramCodePages; ++i)
      std::memcpy(frames_.data() + usize{4096} * program_.code_frames[i], program_.words.data() + 1024 * i, 4096);
    std::vector<u32> twin(program_.words.end() - 1024, program_.words.end());
    for (usize i = 0; i < twin.size(); ++i)
      if (program_.is_code[kProgramWords - 1024 + i] && a64::is_eor_ror(twin[i])) twin[i] ^= 1 << 10;
    std::memcpy(frames_.data() + usize{4096} * program_.twin_frame, twin.data(), 4096);
  }

  void write_own_pages() {
    put(kStubPage, kStub, sizeof kStub);
    for (usize v = 0; v < 16; ++v) {
      const usize at = kVectors + 32 * v;
      put(kStubPage + 4 * at, kVector, sizeof kVector);
      const u32 back = 0x14000000 | (static_cast<u32>(kNext - at - std::size(kVector)) & 0x3ffffff);
      put(kStubPage + 4 * (at + std::size(kVector)), &back, 4);
    }
    put(kLevel1 + 8 * (kProgramRam >> 30), kLevel2 | kTable);
    const auto table = [this](u64 va, u64 pa) { put(kLevel2 + 8 * (va >> 21 & 511), pa | kTable); };
    table(kProgramRam, kOwnPages);
    table(kProgramVa, kCodeTable);
    table(kProgramDataVa, kDataTable);
    for (u64 page = kProgramRam; page < kFrames; page += 4096) put(kOwnPages + 8 * (page >> 12 & 511), page | kPage);
  }

  // Tables that a program may write, memory, and the state.
  void load_case() {
    const Program& p = program_;
    const u64 user = p.el0 ? 1 << 6 : 0;
    for (usize i = 0; i < kProgramCodePages + kProgramTwins; ++i) {
      const u8 f = i < kProgramCodePages ? p.code_frames[i] : i == kProgramCodePages ? p.code_frames[2] : p.twin_frame;
      put(kProgramCodeEntries + 8 * i, frame(f) | kPage | user);
    }
    const u64 entries = kDataTable + 8 * (kProgramDataVa >> 12 & 511);
    for (usize i = 0; i < kProgramDataPages; ++i)
      put(entries + 8 * i, p.data_attributes[i] == 0 ? 0 : frame(p.data_frames[i]) | p.data_attributes[i]);
    restore_frames();
    const State& s = p.states[at_ % p.states.size()];
    BootPage boot{};
    std::memcpy(boot.v, s.v, sizeof boot.v);
    std::memcpy(boot.x, s.x, sizeof boot.x);
    if (!p.el0) boot.x[18] = entries;
    boot.spsr = cpu::nzcv_to_arch(s.nzcv) | 0x3c0 | (p.el0 ? 0 : 5);
    boot.fpcr = s.fpcr;
    boot.fpsr = s.fpsr;
    boot.tcr = 25 | 1 << 8 | 1 << 10 | 3 << 12 | u64{1} << 37 | u64{1} << 23 | u64{2} << 32;  // 39 bits, TBI0, EPD1
    boot.mair = 0xff;
    boot.ttbr0 = kLevel1;
    boot.vbar = kStubPage + 4 * kVectors;
    boot.cpacr = 3 << 20;
    boot.sctlr = 0x30500800 | 1 | 1 << 2 | 1 << 12 | 1 << 14 | 1 << 15 | 1 << 26 | p.sctlr;
    boot.pc = s.pc;
    put(kBootPage, &boot, sizeof boot);
  }

  // Pages that the last case left as they are stay untouched, so that code in them stays translated.
  void restore_frames() {
    for (usize i = 0; i < kProgramFrames; ++i) {
      const u8* const want = frames_.data() + 4096 * i;
      const u64 pa = frame(static_cast<u8>(i));
      if (std::memcmp(memory_.memory_at(pa, 4096), want, 4096) != 0) put(pa, want, 4096);
    }
  }

  bool end_of_case(runtime::Vcpu& vcpu) {
    using cpu::SysReg;
    const cpu::CpuState& s = vcpu.state();
    ProgramOutcome& out = run_.outcomes.emplace_back();
    std::memcpy(out.state.x, s.x, sizeof s.x);
    if (program_.el0) out.state.x[31] = s.sp_el[0];
    std::memcpy(out.state.v, s.v, sizeof s.v);
    out.spsr = s.spsr_el[1];
    out.state.nzcv = cpu::nzcv_from_arch(out.spsr & 0xf0000000);
    out.state.fpcr = s.fpcr;
    out.state.fpsr = static_cast<u32>(s.reg(SysReg::TPIDRRO_EL0));
    out.state.pc = s.elr_el[1];
    out.syndrome = s.reg(SysReg::ESR_EL1);
    const u64 ec = out.syndrome >> 26;
    const bool has_address = ec == cpu::kEcDataAbort + 1 || ec == cpu::kEcDataAbort || ec == cpu::kEcInsnAbort ||
                             ec == cpu::kEcInsnAbort + 1 || ec == cpu::kEcPcAlign;
    if (has_address) out.fault_address = s.reg(SysReg::FAR_EL1);
    const u64 now = vcpu.instructions(), before = std::exchange(instructions_, now);
    if (at_ % program_.states.size() != 0) out.instructions = now - before;  // the first has the way from power-on
    const u8* const memory = memory_.memory_at(kFrames, frames_.size());
    out.memory.assign(memory, memory + frames_.size());
    ++at_;
    if (at_ == program_.states.size() * options_.rounds) {
      vcpu.stop();
      system_->request_end(runtime::EndReason::Requested);
      return true;
    }
    if (at_ % program_.states.size() == 0) system_->translator().wait_for_regions();
    load_case();
    return true;
  }

  const Program& program_;
  const ProgramRunOptions options_;
  const Settings settings_;
  const bool virtual_time_;
  softmmu::AddressSpace memory_;
  Clock clock_;
  EventQueue events_;
  std::unique_ptr<runtime::System> system_;
  std::vector<u8> frames_;
  ProgramRun run_;
  usize at_ = 0;
  u64 instructions_ = 0;
};

}  // namespace

ProgramRun run_program(const Program& program, const ProgramRunOptions& options, const cpu::Model& model) {
  return ProgramMachine(program, options, model).run();
}

}  // namespace ferry::verify
