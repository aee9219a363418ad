#include "jit/kept_regions.h"

#include <atomic>
#include <cstring>
#include <unordered_map>

#include "core/check.h"
#include "jit/code_memory.h"
#include "jit/slab.h"

namespace ferry::jit {
namespace {

// What a unit keeps beside its sites and faults, and the table of faults for one of these.
constexpr u64 kUnitHeap = 512, kFaultHeap = 2 * sizeof(FaultEntry);

}  // namespace

struct KeptRegions::Impl {
  explicit Impl(CodeMemory m)
      : memory(std::move(m)),
        capacity(memory.available()),
        exec(memory.next()),
        write(memory.allocate(capacity)),
        slab(capacity) {}

  struct Unit {
    usize at = 0;
    std::vector<LinkSite> sites;
    std::vector<FaultEntry> faults;
  };
  // Its code at a place of its own; nullptr: full.
  const u8* place(const RegionImage& image, u64 context, void* owner, Unit& unit) {
    unit.at = slab.allocate((image.bytes.size() + 15) & ~usize{15}, image.align);
    if (unit.at == Slab::kNone) return nullptr;
    std::memcpy(write + unit.at, image.bytes.data(), image.bytes.size());
    if (image.data_size != 0) unit.sites = bind_data(write + unit.at + image.data, image.exits, calls, context, owner);
    const u64 begin = reinterpret_cast<u64>(exec + unit.at);
    for (const RegionImage::Fault& f : image.faults) unit.faults.push_back({begin + f.pc, begin + f.label});
    add_faults(unit.faults);
    return exec + unit.at + image.entry;
  }
  static u64 heap_of(const Unit& unit) {
    return kUnitHeap + unit.sites.size() * (sizeof(LinkSite) + sizeof(LinkSite*)) + unit.faults.size() * kFaultHeap;
  }
  void count() { regions.store(units.size(), std::memory_order_relaxed); }
  void remove(Unit& unit) {
    heap.fetch_sub(heap_of(unit), std::memory_order_relaxed);
    remove_faults(unit.faults);
    slab.release(unit.at);
  }

  CodeMemory memory;
  const usize capacity;
  const u8* exec;
  u8* write;
  Slab slab;
  RegionCalls calls = plain_region_calls();
  std::unordered_map<u64, Unit> units;  // by CompiledCode::id
  u64 next_id = 1;
  std::atomic<u64> heap{0};
  std::atomic<usize> regions{0};
};

KeptRegions::KeptRegions(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
KeptRegions::~KeptRegions() { reset(); }

Result<std::unique_ptr<KeptRegions>> KeptRegions::create(usize capacity, std::span<const u8> calls) {
  auto memory = CodeMemory::create(capacity);
  if (!memory) return memory.error();
  auto impl = std::make_unique<Impl>(std::move(*memory));
  const void* entries[4] = {};  // in the order in which the optimizing tier makes them
  for (const void*& entry : entries) {
    RegionImage image;
    Impl::Unit unit;
    if (!read_image(next_part(calls), image)) return Error{"saved code: not of this build"};
    entry = impl->place(image, ~u64{0}, nullptr, unit);
    if (entry == nullptr) return Error{"code memory: full"};
  }
  if (!calls.empty()) return Error{"saved code: not of this build"};
  impl->calls.next = entries[0];
  impl->calls.load = entries[1];
  impl->calls.store = entries[2];
  impl->calls.evaluate = entries[3];
  return std::unique_ptr<KeptRegions>(new KeptRegions(std::move(impl)));
}

Result<CompiledCode> KeptRegions::place_region(std::span<const u8> saved, u64 context, void* owner) {
  Impl& m = *impl_;
  RegionImage image;
  if (!read_image(saved, image)) return Error{"saved code: not of this build"};
  Impl::Unit unit;
  const u8* const entry = m.place(image, context, owner, unit);
  if (entry == nullptr) return Error{"code memory: full"};
  CompiledCode code;
  code.entry = entry;
  code.size = static_cast<u32>(image.bytes.size());
  code.text = image.text;
  code.id = m.next_id++;
  for (LinkSite& site : unit.sites) code.links.push_back(&site);
  m.heap.fetch_add(Impl::heap_of(unit), std::memory_order_relaxed);
  m.units.emplace(code.id, std::move(unit));
  m.count();
  return code;
}

usize KeptRegions::regions() const { return impl_->regions.load(std::memory_order_relaxed); }
u64 KeptRegions::heap() const { return impl_->heap.load(std::memory_order_relaxed); }

Result<CompiledCode> KeptRegions::compile(const ir::Block&, void*) {
  return Error{"saved code: this tier compiles nothing"};
}

void KeptRegions::link(LinkSite& site, const void* target, u64 context) { link_exit(site, target, context); }
void KeptRegions::unlink(LinkSite& site) { unlink_exit(site); }

void KeptRegions::release(CompiledCode& code) {
  const auto it = impl_->units.find(code.id);
  if (it != impl_->units.end()) {
    impl_->remove(it->second);
    impl_->units.erase(it);
    impl_->count();
  }
  code = {};
}

void KeptRegions::reset() {
  for (auto& [id, unit] : impl_->units) impl_->remove(unit);
  impl_->units.clear();
  impl_->count();
}

u32 KeptRegions::enter(cpu::CpuState&, const void*) { UNREACHABLE("kept regions are entered by the baseline"); }

usize KeptRegions::used() const { return impl_->slab.used(); }
usize KeptRegions::capacity() const { return impl_->capacity; }
const void* KeptRegions::code_begin() const { return impl_->exec; }

}  // namespace ferry::jit
