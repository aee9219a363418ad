#include "control/monitor.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "control/report.h"
#include "core/nearest.h"
#include "core/parse_number.h"
#include "runtime/vcpu.h"

namespace ferry::control {
namespace {

struct Command {
  std::string_view name;
  std::string_view sentence;
};
constexpr Command kCommands[] = {
    {"help", "lists the commands"},
    {"cpu N", "chooses the processor that info registers shows"},
    {"info cpus", "the processors and where they are"},
    {"info registers", "the chosen processor's registers; with -a those of all"},
    {"info stats", "what running has cost so far"},
    {"info mtree", "the physical address space"},
    {"info devices", "the devices' registers"},
    {"quit", "ends ferry"},
};

// The machine stands still while this lives.
class Stopped {
 public:
  explicit Stopped(runtime::System& system) : system_(system) { system_.stop_all(); }
  ~Stopped() { system_.resume(); }
  Stopped(const Stopped&) = delete;
  Stopped& operator=(const Stopped&) = delete;

 private:
  runtime::System& system_;
};

std::string address_text(const softmmu::AddressSpace& memory) {
  constexpr const char* kKinds[] = {"ram", "rom", "flash", "device"};
  std::string text;
  for (const auto& region : memory.regions()) {
    text += fmt::format("{:016x}-{:016x} {:<7} {}\n", region->base, region->base + (region->size - 1),
                        kKinds[static_cast<usize>(region->kind)], region->name);
  }
  return text;
}

// Words of the line, single spaces between them.
std::string normalised(std::string_view line) {
  std::string text;
  for (char c : line) {
    if (c == ' ' && (text.empty() || text.back() == ' ')) continue;
    text += c;
  }
  while (!text.empty() && text.back() == ' ') text.pop_back();
  return text;
}

}  // namespace

std::string register_text(cpu::CpuState& s) {
  using cpu::SysReg;
  std::string text = fmt::format(" PC={:016x}", s.pc);
  for (unsigned i = 0; i < 31; ++i) text += fmt::format("{}X{:02}={:016x}", i % 4 == 3 ? "\n" : " ", i, s.x[i]);
  text += fmt::format(" SP={:016x}\n", s.x[31]);
  text += fmt::format("NZCV={:08x} EL{}{} DAIF={:03x} FPCR={:08x} FPSR={:08x}\n", s.nzcv, s.el,
                      s.sp_sel != 0 ? 'h' : 't', s.daif, s.fpcr, s.fpsr);
  text += fmt::format("ELR_EL1={:016x} SPSR_EL1={:08x} ESR_EL1={:08x} FAR_EL1={:016x} VBAR_EL1={:016x}\n", s.elr_el[1],
                      s.spsr_el[1], s.reg(SysReg::ESR_EL1), s.reg(SysReg::FAR_EL1), s.reg(SysReg::VBAR_EL1));
  text +=
      fmt::format("SCTLR_EL1={:016x} TCR_EL1={:016x} TTBR0_EL1={:016x} TTBR1_EL1={:016x}\n", s.reg(SysReg::SCTLR_EL1),
                  s.reg(SysReg::TCR_EL1), s.reg(SysReg::TTBR0_EL1), s.reg(SysReg::TTBR1_EL1));
  return text;
}

std::string Monitor::execute(std::string_view line) {
  const std::string command = normalised(line);
  runtime::System& system = machine_.system();
  if (command.empty()) return {};
  if (command == "help" || command == "?") {
    std::string text;
    for (const Command& c : kCommands) text += fmt::format("{:<16} {}\n", c.name, c.sentence);
    return text;
  }
  if (command == "quit" || command == "q") {
    quit_();
    return {};
  }
  if (command == "info mtree") return address_text(machine_.memory());
  if (command == "info devices") return machine_.board().dump();
  if (command == "info stats") {
    const Stopped stopped(system);
    return stats_text(system.stats());
  }
  if (command == "info cpus") {
    const Stopped stopped(system);
    std::string text;
    for (unsigned i = 0; i < system.cpu_count(); ++i) {
      const bool on = system.vcpu(i).power() == runtime::Vcpu::Power::On;
      text += fmt::format("{} CPU {}: {}pc={:#018x}\n", i == cpu_ ? '*' : ' ', i, on ? "" : "off ",
                          system.vcpu(i).state().pc);
    }
    return text;
  }
  if (command == "info registers" || command == "info registers -a") {
    const Stopped stopped(system);
    std::string text;
    for (unsigned i = 0; i < system.cpu_count(); ++i)
      if (i == cpu_ || command.ends_with("-a"))
        text += fmt::format("CPU {}\n{}", i, register_text(system.vcpu(i).state()));
    return text;
  }
  if (command == "cpu" || command.starts_with("cpu ")) {
    const auto number = parse_number(std::string_view(command).substr(std::min<usize>(4, command.size())));
    if (!number || *number >= system.cpu_count())
      return fmt::format("{}: no such processor, expected 0 to {}\n", command, system.cpu_count() - 1);
    cpu_ = static_cast<unsigned>(*number);
    return {};
  }
  std::vector<std::string_view> names;
  for (const Command& c : kCommands) names.push_back(c.name);
  return fmt::format("{}: no such command{} (help lists them)\n", command, did_you_mean(command, names));
}

}  // namespace ferry::control
