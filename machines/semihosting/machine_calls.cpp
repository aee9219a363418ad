// Semihosting wired to a machine: its processors' memory, its clock, where its images left room.
#include <algorithm>
#include <cstring>
#include <utility>

#include "machines/machine.h"
#include "machines/tree_edit.h"
#include "runtime/vcpu.h"

namespace ferry::machines {
namespace {

constexpr u64 kPageSize = softmmu::kPageSize;
constexpr u64 kLargestStack = 64 << 20;

// A processor's view at the moment of the call. MMIO is not memory.
class VcpuView final : public GuestView {
 public:
  VcpuView(runtime::Vcpu& vcpu, softmmu::AddressSpace& space) : vcpu_(vcpu), space_(space) {}

  bool read(u64 va, std::span<u8> to) override {
    return each_page(va, to.size(), false, [&](u64 pa, usize offset, usize bytes) {
      if (space_.read(pa, to.data() + offset, bytes)) return true;
      const softmmu::Region* region = space_.find(pa);  // flash and ROM
      const u8* page = region == nullptr ? nullptr : region->readable_page(pa & ~(kPageSize - 1));
      if (page != nullptr) std::memcpy(to.data() + offset, page + pa % kPageSize, bytes);
      return page != nullptr;
    });
  }

  bool write(u64 va, std::span<const u8> from) override {
    return each_page(va, from.size(), true,
                     [&](u64 pa, usize offset, usize bytes) { return space_.write(pa, from.data() + offset, bytes); });
  }

 private:
  // Calls piece(pa, offset, bytes) page by page; false when one is not mapped, or not for this exception level.
  template <class Piece>
  bool each_page(u64 va, usize size, bool write, Piece&& piece) {
    using cpu::AtOp;
    const bool user = vcpu_.state().el == 0;
    const AtOp op = write ? (user ? AtOp::S1E0W : AtOp::S1E1W) : (user ? AtOp::S1E0R : AtOp::S1E1R);
    for (usize done = 0; done < size;) {
      const u64 at = va + done;
      if (at < va) return false;
      const u64 par = vcpu_.mmu().address_translate(op, at);
      if (std::exchange(vcpu_.state().fault, 0) != 0) return false;  // no memory where a table should be
      if ((par & 1) != 0) return false;
      const usize bytes = std::min<usize>(size - done, static_cast<usize>(kPageSize - at % kPageSize));
      if (!piece((par & low_mask(48) & ~(kPageSize - 1)) | at % kPageSize, done, bytes)) return false;
      done += bytes;
    }
    return true;
  }

  runtime::Vcpu& vcpu_;
  softmmu::AddressSpace& space_;
};

// SYS_HEAPINFO: the largest room that no image takes, the heap growing up in it, the stack down.
std::array<u64, 4> largest_room(const softmmu::AddressSpace& memory, const BootPlan& plan) {
  std::array<u64, 2> room{};
  const auto consider = [&room](u64 begin, u64 end) {
    begin = (begin + kPageSize - 1) / kPageSize * kPageSize;
    if (begin < end && end - begin > room[1] - room[0]) room = {begin, end};
  };
  std::vector<const Segment*> images;
  images.reserve(plan.segments.size());
  for (const Segment& segment : plan.segments) images.push_back(&segment);
  std::sort(images.begin(), images.end(), [](const auto* a, const auto* b) { return a->address < b->address; });
  for (const auto& region : memory.regions()) {
    if (region->kind != softmmu::Region::Kind::Ram) continue;
    u64 at = region->base;
    for (const Segment* image : images) {
      if (!region->contains(image->address, image->size)) continue;
      consider(at, image->address / kPageSize * kPageSize);
      at = image->address + image->size;
    }
    consider(at, region->base + region->size);
  }
  const u64 stack = std::min(kLargestStack, (room[1] - room[0]) / 4 / kPageSize * kPageSize);
  return {room[0], room[1] - stack, room[1], room[1] - stack};
}

std::string guest_command_line(const LaunchRecord& record) {
  std::vector<std::string> words = record.semihosting.arguments;
  if (words.empty()) {
    words.push_back(record.kernel);
    if (!record.command_line.empty()) words.push_back(record.command_line);
  }
  std::string line;
  for (const std::string& word : words) line += (line.empty() ? "" : " ") + word;
  return line;
}

}  // namespace

Status Machine::make_semihosting(const BootPlan& plan) {
  const SemihostingSpec& spec = record_.semihosting;
  if (!spec.enabled) return {};
  SemihostingFolder folder;
  if (!spec.folder.empty()) {
    auto opened = SemihostingFolder::at(spec.folder);
    if (!opened) return opened.error();
    folder = std::move(*opened);
  }
  Semihosting::Config config{.console = config_.semihosting_console,
                             .command_line = guest_command_line(record_),
                             .heap_info = largest_room(memory_, plan),
                             .name_seed = static_cast<u32>(LaunchRandom(record_, "semihosting").next())};
  semihosting_ = std::make_unique<Semihosting>(std::move(config), std::move(folder));
  system_->set_semihosting([this](runtime::Vcpu& vcpu) { return semihosting_call(vcpu); });
  return {};
}

runtime::SemihostingResult Machine::semihosting_call(runtime::Vcpu& vcpu) {
  using runtime::SemihostingResult;
  using Kind = Semihosting::Outcome::Kind;
  cpu::CpuState& s = vcpu.state();
  if (s.el == 0 && !record_.semihosting.userspace) return SemihostingResult::Refused;
  VcpuView memory(vcpu, memory_);
  Semihosting::Call call{.cpu = vcpu.index(),
                         .pc = s.pc_page | u64{4} * cpu::site_index(s.site),
                         .operation = static_cast<u32>(s.x[0]),
                         .parameter = s.x[1],
                         .memory = memory,
                         .now_ns = clock_.now(),
                         .wall_ns = clock_.wall()};
  const Semihosting::Outcome outcome = semihosting_->call(call);
  switch (outcome.kind) {
    case Kind::Done: s.x[0] = outcome.result; return SemihostingResult::Done;
    case Kind::More: return SemihostingResult::Again;
    case Kind::Wait: return SemihostingResult::Wait;
    case Kind::Exit:
      guest_status_ = static_cast<int>(outcome.result);
      system_->request_end(runtime::EndReason::Exit);
      return SemihostingResult::Done;
  }
  return SemihostingResult::Done;
}

}  // namespace ferry::machines
