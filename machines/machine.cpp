#include "machines/machine.h"

#include <fmt/format.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <cstring>
#include <span>

#include "jit/tiers.h"
#include "machines/block_file.h"
#include "machines/entropy.h"
#include "machines/psci.h"
#include "machines/tree_edit.h"
#include "runtime/vcpu.h"

namespace ferry::machines {
namespace {

constexpr u8 kErased = 0xff;  // flash without content

struct Trees {
  DeviceTree board;  // what devices are made from
  BootPlan plan;     // with the guest's tree
};

Result<DeviceTree> copy_of(const DeviceTree& tree) {
  auto blob = tree.blob();
  if (!blob) return blob.error();
  return DeviceTree::parse(*blob, tree.origin());
}

Result<BoardMemory> board_memory(const DeviceTree& tree, const LaunchRecord& record) {
  BoardMemory memory;
  auto ram = tree.memory();
  if (!ram) return ram.error();
  memory.ram = std::move(*ram);
  auto flash = flash_banks(tree);
  if (!flash) return flash.error();
  if (!flash->empty()) {
    memory.flash_base = flash->front().base;
    memory.flash_size = flash->front().size;
  }
  memory.has_fw_cfg = has_fw_cfg(tree);
  memory.flash_given = std::any_of(record.drives.begin(), record.drives.end(), [](const DriveSpec& drive) {
    return drive.interface == DriveSpec::Interface::Pflash && drive.unit.value_or(0) == 0;
  });
  return memory;
}

Result<DeviceTree> hardware_tree(const LaunchRecord& record) {
  auto tree = board_tree(record);
  if (!tree) return tree;
  if (Status status = edit_hardware(*tree, record); !status) return status.error();
  return tree;
}

Result<Trees> plan(const LaunchRecord& record) {
  auto tree = hardware_tree(record);
  if (!tree) return tree.error();
  auto memory = board_memory(*tree, record);
  if (!memory) return memory.error();
  auto guest = copy_of(*tree);
  if (!guest) return guest.error();
  auto boot = plan_boot(record, *guest, *memory);
  if (!boot) return boot.error();
  return Trees{std::move(*tree), std::move(*boot)};
}

}  // namespace

Result<std::vector<u8>> guest_tree(const LaunchRecord& record) {
  if (!record.kernel.empty() || !record.firmware.empty()) {
    auto trees = plan(record);
    if (!trees) return trees.error();
    return std::move(trees->plan.dtb);
  }
  auto tree = hardware_tree(record);
  if (!tree) return tree.error();
  edit_chosen(*tree, record, {});
  strip_own_properties(*tree);
  return tree->blob();
}

namespace {

// A firmware call of one vCPU acts on the system.
class Psci final : public PsciHost {
 public:
  Psci(runtime::System& system, runtime::Vcpu& caller) : system_(system), caller_(caller) {}
  unsigned processors() const override { return system_.cpu_count(); }
  Power power(unsigned processor) const override {
    switch (system_.vcpu(processor).power()) {
      case runtime::Vcpu::Power::Off: return Power::Off;
      case runtime::Vcpu::Power::Starting: return Power::OnPending;
      case runtime::Vcpu::Power::On: break;
    }
    return Power::On;
  }
  bool is_memory(u64 address) const override {
    const softmmu::Region* region = system_.memory().find(address);
    return region != nullptr && region->readable_page(address & ~softmmu::kPageOffset) != nullptr;
  }
  bool power_on(unsigned processor, u64 entry, u64 context) override {
    return system_.vcpu(processor).start(entry, context);
  }
  void power_off_self() override {
    caller_.stop();
    for (unsigned i = 0; i < system_.cpu_count(); ++i)
      if (power(i) != Power::Off) return;
    system_.request_end(runtime::EndReason::PowerOff);  // nobody is left who could start one
  }
  void suspend_self() override { caller_.suspend(); }
  void system_off() override { system_.request_end(runtime::EndReason::PowerOff); }
  void system_reset() override { system_.request_end(runtime::EndReason::Reset); }

 private:
  runtime::System& system_;
  runtime::Vcpu& caller_;
};

bool answer_firmware_call(runtime::System& system, runtime::Vcpu& vcpu) {
  Psci psci(system, vcpu);
  cpu::CpuState& s = vcpu.state();
  s.x[0] = firmware_call(psci, {s.x[0], s.x[1], s.x[2], s.x[3]});
  return true;
}

}  // namespace

Machine::Machine(const LaunchRecord& record, const Config& config)
    : record_(record), config_(config), clock_(record.virtual_time ? Clock::Kind::kVirtual : Clock::Kind::kReal) {}

Machine::~Machine() {
  // Processors hold wires of the board, and the board signals of the processors: neither runs any more, the board goes
  // first.
  board_.reset();
  system_.reset();
}

Result<std::unique_ptr<Machine>> Machine::create(const LaunchRecord& record, const Config& config) {
  std::unique_ptr<Machine> machine(new Machine(record, config));
  if (Status status = machine->build(); !status) return status.error();
  return machine;
}

Status Machine::build() {
  auto model = cpu::make_model(record_.cpu_model);
  if (!model) return model.error();
  auto trees = plan(record_);
  if (!trees) return trees.error();
  console_word_ = machines::console_word(trees->board);

  BackEnds back_ends;
  back_ends.serials = config_.serials;
  if (record_.seed) {
    entropy_ = std::make_unique<SeededEntropy>(record_);
  } else {
    entropy_ = std::make_unique<HostEntropy>();
  }
  back_ends.entropy = entropy_.get();
  back_ends.firmware_items = trees->plan.firmware_items;
  if (Status status = open_drives(back_ends, trees->plan); !status) return status;

  auto compiler = jit::make_compiler(*config_.settings);
  if (!compiler) return compiler.error();
  model_ = *model;
  const runtime::SystemConfig system_config{.settings = config_.settings,
                                            .model = &model_,
                                            .cpus = record_.cpu_count,
                                            .entry_el = record_.entry_el,
                                            .limit_instructions = config_.limit_instructions};
  if (config_.settings->mem_window == Window::Off) memory_.set_backing(softmmu::Backing::Private);
  system_ = std::make_unique<runtime::System>(system_config, std::move(*compiler), memory_, clock_, events_);
  system_->set_entropy(entropy_.get());
  std::vector<CpuSignals*> signals;
  for (unsigned i = 0; i < system_->cpu_count(); ++i) signals.push_back(&system_->vcpu(i).signals());
  auto board = Board::build(trees->board, record_, back_ends, BoardPlace{memory_, clock_, events_, signals});
  if (!board) return board.error();
  board_ = std::move(*board);

  system_->set_interrupt_controller(&board_->interrupt_controller());
  for (unsigned i = 0; i < system_->cpu_count(); ++i) {
    const auto lines = board_->timer_lines(i);
    system_->set_timer_lines(i, {.physical = lines[1],
                                 .virtual_ = lines[2],
                                 .hypervisor = lines[3],
                                 .secure = lines[0],
                                 .pmu = lines[Board::kPmuLine]});
  }
  if (record_.plays_firmware && record_.psci != PsciConduit::None) {
    system_->set_firmware([this](runtime::Vcpu& vcpu, bool) { return answer_firmware_call(*system_, vcpu); });
  }
  if (Status status = make_semihosting(trees->plan); !status) return status;
  return fill(trees->plan, false);
}

Status Machine::open_drives(BackEnds& back_ends, const BootPlan& plan) {
  for (const DriveSpec& drive : record_.drives) {
    auto file = BlockFile::open(drive.path, drive.read_only || drive.snapshot);
    if (!file) return file.error();
    std::unique_ptr<BlockBackend> block = std::move(*file);
    if (drive.snapshot && !drive.read_only) block = std::make_unique<SnapshotBlock>(std::move(block));
    blocks_.push_back(std::move(block));
    if (drive.interface == DriveSpec::Interface::None) {
      back_ends.drives[drive.id] = blocks_.back().get();
      continue;
    }
    const usize unit = drive.unit.value_or(back_ends.flash[0] == nullptr ? 0 : 1);
    if (back_ends.flash[unit] != nullptr)
      return Error{
          fmt::format("-drive if=pflash,file={}: flash bank {} is taken, expected one drive a bank", drive.path, unit)};
    back_ends.flash[unit] = blocks_.back().get();
  }
  if (plan.firmware.empty()) return {};
  blocks_.push_back(std::make_unique<MemoryBlock>(plan.firmware, plan.firmware.size(), kErased));
  back_ends.flash[0] = blocks_.back().get();
  return {};
}

// Copies the images and sets the processors where they begin.
Status Machine::fill(const BootPlan& plan, bool again) {
  for (const Segment& segment : plan.segments) {
    u8* to = memory_.memory_at(segment.address, segment.size);
    ASSERT(to != nullptr, "a boot plan stays inside memory");
    if (Status status = segment.copy_content(to); !status) return status;
    const u64 filled = segment.content_size();
    if (again) std::memset(to + filled, 0, segment.size - filled);
  }
  system_->reset();
  for (unsigned i = 0; i < system_->cpu_count(); ++i) {
    const CpuStart& start = plan.processors[i];
    if (start.powered_on) system_->vcpu(i).start(start.pc, start.x0);
  }
  return {};
}

Status Machine::reset() {
  auto trees = plan(record_);
  if (!trees) return trees.error();
  board_->reset();
  if (semihosting_ != nullptr) semihosting_->reset();
  return fill(trees->plan, true);
}

Status Machine::flush() {
  Status first;
  for (const auto& block : blocks_) {
    if (Status status = block->flush(); !status && first) first = status;
  }
  return first;
}

// Pages of zeroes do not count, touched or not.
u64 Machine::hash_ram() const {
  static constexpr u8 kZeroes[softmmu::kPageSize] = {};
  u64 hash = 0;
  for (const auto& region : memory_.regions()) {
    if (region->kind != softmmu::Region::Kind::Ram) continue;
    region->ram->visit_used([&](u64 offset, u64 size) {
      for (const u64 end = offset + size; offset < end; offset += softmmu::kPageSize) {
        const u8* page = region->ram->host() + offset;
        if (std::memcmp(page, kZeroes, sizeof(kZeroes)) == 0) continue;
        hash = XXH3_64bits_withSeed(page, sizeof(kZeroes), hash ^ (region->base + offset));
      }
      return true;
    });
  }
  return hash;
}

u64 Machine::hash_registers() {
  XXH3_state_t* state = XXH3_createState();
  XXH3_64bits_reset(state);
  const auto add = [state](const auto& value) { XXH3_64bits_update(state, &value, sizeof(value)); };
  for (unsigned i = 0; i < system_->cpu_count(); ++i) {
    const cpu::CpuState& s = system_->vcpu(i).state();
    add(s.x);
    add(s.pc);
    add(s.nzcv);
    add(s.fpsr);
    add(s.fpcr);
    add(s.v);
    add(s.daif);
    add(s.el);
    add(s.sp_sel);
    add(s.elr_el);
    add(s.spsr_el);
    add(s.sys);
    for (unsigned el = 0; el < 4; ++el) {
      const bool current = el == (s.sp_sel != 0 ? s.el : 0);  // that one is in x[31]
      if (!current) add(s.sp_el[el]);
    }
  }
  const u64 hash = XXH3_64bits_digest(state);
  XXH3_freeState(state);
  return hash;
}

}  // namespace ferry::machines
