#include "jit/baseline/baseline.h"

#include <immintrin.h>

#include <algorithm>
#include <atomic>

#include "core/check.h"
#include "jit/baseline/compiler.h"
#include "jit/baseline/saved.h"
#include "jit/code_memory.h"
#include "jit/generated_call.h"

namespace ferry::jit {

using baseline::Compiler;
using baseline::ExitSite;
using baseline::HostFeatures;
using baseline::Stubs;

struct Baseline::Impl {
  Impl(CodeMemory m, const Stubs& s) : memory(std::move(m)), stubs(s), compiler(stubs, HostFeatures::detect()) {}

  LinkSite* new_site() {
    if (free_sites.empty()) {
      sites.push_back(std::make_unique<LinkSite[]>(kSitesAtOnce));
      for (usize n = kSitesAtOnce; n-- > 0;) free_sites.push_back(&sites.back()[n]);
    }
    LinkSite* s = free_sites.back();
    free_sites.pop_back();
    return s;
  }

  i32* new_counter() {
    if (free_counters.empty()) return &counters.emplace_back();
    i32* const c = free_counters.back();
    free_counters.pop_back();
    return c;
  }

  // The code that lies at `at` (writable address), with its sites and its counter begun.
  CompiledCode finish(u8* at, u32 size, std::span<const ExitSite> exits, LinkSite* const* from, i32* counter,
                      void* owner) {
    CompiledCode code;
    const u8* const base = memory.executable(at);
    code.entry = base;
    code.size = size;
    code.counter = counter;
    if (counter != nullptr) *counter = count;
    code.links.reserve(exits.size());
    for (const ExitSite& x : exits) {
      LinkSite& s = **from++;
      s = {};
      s.owner = owner;
      s.offset = x.offset;
      s.cross_page = x.cross_page;
      s.is_call = x.is_call;
      s.patch = at + x.patch;
      s.unlinked = base + x.unlinked;
      if (x.cross_page) s.context_slot = reinterpret_cast<u64*>(at + x.context_slot);
      code.links.push_back(&s);
    }
    return code;
  }

  bool reaches(const void* rel32, const void* target) const {
    const i64 distance = static_cast<const u8*>(target) - (memory.executable(rel32) + 4);
    return distance == static_cast<i32>(distance);
  }
  // The rel32 of a jump, in one store.
  void patch(void* rel32, const void* target) {
    ASSERT(reaches(rel32, target), "a patched jump reaches its target");
    const u8* next = memory.executable(rel32) + 4;
    const i32 distance = static_cast<i32>(static_cast<const u8*>(target) - next);
    std::atomic_ref<i32>(*static_cast<i32*>(rel32)).store(distance, std::memory_order_release);
  }
  static void set_context(u64* slot, u64 value) { std::atomic_ref<u64>(*slot).store(value, std::memory_order_release); }

  CodeMemory memory;
  Stubs stubs;
  Compiler compiler;
  static constexpr usize kSitesAtOnce = 512;
  std::vector<std::unique_ptr<LinkSite[]>> sites;
  std::vector<LinkSite*> free_sites;
  i32 count = 0;
  std::deque<i32> counters;
  std::vector<i32*> free_counters;
};

namespace {

constexpr u64 kNoContext = ~u64{0};

}  // namespace

Baseline::Baseline(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Baseline::~Baseline() = default;

Result<std::unique_ptr<Baseline>> Baseline::create(usize capacity, i32 count) {
  auto memory = CodeMemory::create(capacity);
  if (!memory) return memory.error();
  auto stubs = baseline::make_stubs(*memory);
  if (!stubs) return stubs.error();
  auto impl = std::make_unique<Impl>(std::move(*memory), *stubs);
  impl->count = count;
  return std::unique_ptr<Baseline>(new Baseline(std::move(impl)));
}

Result<CompiledCode> Baseline::compile(const ir::Block& block, void* owner) {
  Impl& m = *impl_;
  LinkSite* const sites[2] = {m.new_site(), m.new_site()};
  const u8* base = m.memory.next();
  i32* const counter = m.count != 0 ? m.new_counter() : nullptr;
  m.compiler.compile(block, base, sites, counter);
  const u32 size = m.compiler.size();
  u8* at = m.memory.allocate(size);
  const unsigned exits = m.compiler.exit_count();
  for (unsigned n = at == nullptr ? 0 : exits; n < 2; ++n) m.free_sites.push_back(sites[n]);
  if (at == nullptr) {
    if (counter != nullptr) m.free_counters.push_back(counter);
    return Error{"code memory: full"};
  }
  std::memcpy(at, m.compiler.code(), size);
  baseline::ExitSite ends[2] = {m.compiler.exit_site(0), m.compiler.exit_site(1)};
  return m.finish(at, size, {ends, exits}, sites, counter, owner);
}

bool Baseline::save(std::vector<u8>& out) const {
  const Compiler& c = impl_->compiler;
  return baseline::save_code(c, static_cast<u64>(c.base() - impl_->stubs.first), out);
}

Result<CompiledCode> Baseline::place(std::span<const u8> saved, void* owner) {
  Impl& m = *impl_;
  baseline::SavedCode from;
  if (!baseline::read_saved(saved, from) || (from.counter != 0) != (m.count != 0))
    return Error{"saved code: not of this build"};
  u8* at = m.memory.allocate(from.code.size());
  if (at == nullptr) return Error{"code memory: full"};
  LinkSite* sites[2] = {nullptr, nullptr};
  for (usize n = 0; n < from.exits.size(); ++n) sites[n] = m.new_site();
  i32* const counter = m.count != 0 ? m.new_counter() : nullptr;
  std::memcpy(at, from.code.data(), from.code.size());
  const u64 origin = static_cast<u64>(m.memory.executable(at) - m.stubs.first);
  baseline::bind_saved(from, origin, sites, counter, at);
  return m.finish(at, static_cast<u32>(from.code.size()), from.exits, sites, counter, owner);
}

void Baseline::link(LinkSite& site, const void* target, u64 context) {
  if (site.context_slot != nullptr) Impl::set_context(site.context_slot, kNoContext);
  // Code of another tier that lies too far away is reached through the dispatcher.
  const bool near = impl_->reaches(site.patch, target);
  impl_->patch(site.patch, near ? target : site.unlinked);
  if (near && site.context_slot != nullptr) Impl::set_context(site.context_slot, context);
  site.linked = true;
}

void Baseline::unlink(LinkSite& site) {
  if (site.context_slot != nullptr) Impl::set_context(site.context_slot, kNoContext);
  impl_->patch(site.patch, site.unlinked);
  site.linked = false;
}

void Baseline::release(CompiledCode& code) {
  for (LinkSite* s : code.links) impl_->free_sites.push_back(s);
  if (code.counter != nullptr) impl_->free_counters.push_back(code.counter);
  code = {};
}

void Baseline::reset() {
  impl_->memory.reset();
  impl_->sites.clear();
  impl_->free_sites.clear();
  impl_->counters.clear();
  impl_->free_counters.clear();
}

// MXCSR is the guest's while translated code runs. The host's control bits are the same unless somebody changed them.
FERRY_CALLS_GENERATED u32 Baseline::enter(cpu::CpuState& s, const void* entry) {
  const u32 host = _mm_getcsr();
  if (host != baseline::kMxcsr) _mm_setcsr(baseline::kMxcsr);
  const u32 reason = impl_->stubs.enter(&s, entry);
  const u32 flags = _mm_getcsr();
  s.fpsr |= baseline::fpsr_of_mxcsr(flags);
  if (((host ^ flags) & ~0x3fu) != 0) _mm_setcsr(host);
  return reason;
}
usize Baseline::used() const { return impl_->memory.used(); }
usize Baseline::capacity() const { return impl_->memory.capacity(); }
const void* Baseline::code_begin() const { return impl_->memory.begin(); }

BaselineStats Baseline::stats() const {
  const baseline::CompileStats& c = impl_->compiler.stats();
  BaselineStats s{c.blocks, c.guest_insns, c.host_bytes, {}};
  for (usize op = 0; op < ir::kOpCount; ++op)
    if (c.fallbacks[op] != 0) s.fallbacks.emplace_back(ir::info(static_cast<ir::Op>(op)).name, c.fallbacks[op]);
  std::sort(s.fallbacks.begin(), s.fallbacks.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  return s;
}

}  // namespace ferry::jit
