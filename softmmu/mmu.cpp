// Mmu: selection of banks, fetch, maintenance, address translation instructions.
#include "softmmu/mmu.h"

#include <cstdlib>
#include <cstring>

#include "core/activity.h"
#include "core/log.h"
#include "cpu/exceptions.h"
#include "softmmu/physical_reader.h"
#include "softmmu/walk_with.h"

namespace ferry::softmmu {

using cpu::kTlbEntries;
using cpu::SysReg;
using cpu::TlbEntry;

Mmu::Mmu(cpu::CpuState& s, AddressSpace& space, bool shared)
    : s_(s), space_(space), empty_table_(new TlbEntry[2 * kTlbEntries]) {
  std::memset(static_cast<void*>(empty_table_.get()), 0xff, 2 * kTlbEntries * sizeof(TlbEntry));
  s_.mmu = this;
  s_.mem_helpers = mem_helpers();
  s_.tlb_read = s_.tlb_unpriv_read = empty_table_.get();
  s_.tlb_write = s_.tlb_unpriv_write = empty_table_.get() + kTlbEntries;
  if (!shared) space_.add_range_listener([this](u64, u64) { drop_all(); });
}

Mmu::~Mmu() = default;

// --- Selection ---

namespace {

// The bits of SCTLR and TCR that decide what a translation is. SCTLR.A is checked by whoever makes an access.
constexpr u64 kSctlrBits = u64{1} << 0 | u64{1} << 19 | u64{1} << 25 | u64{1} << 57;  // M, WXN, EE, EPAN
constexpr u64 kTcrBits = low_mask(6) | u64{1} << 7 | u64{3} << 14 | u64{0x3f} << 16 | u64{1} << 23 | u64{3} << 30 |
                         u64{7} << 32 | u64{3} << 37 | u64{0xf} << 39 |  // TBI; HA, HD, HPD
                         u64{3} << 51 | u64{3} << 55;                    // TBID, E0PD
constexpr u64 kTableBits = low_mask(48) & ~u64{1};

}  // namespace

u8 Mmu::config_number(u64 sctlr, u64 tcr, u64 mair) {
  sctlr &= kSctlrBits;
  tcr &= kTcrBits;
  for (usize i = 0; i < configs_.size(); ++i)
    if (configs_[i].sctlr == sctlr && configs_[i].tcr == tcr && configs_[i].mair == mair) return static_cast<u8>(i);
  if (configs_.size() == 200) {  // a guest that plays with TCR: numbers start again, so no entry of an old one may stay
    configs_.clear();
    drop_all();
    exec_.clear();
    exec_current_[0] = exec_current_[1] = nullptr;
  }
  const unsigned implemented = pa_bits_of(s_.reg(SysReg::ID_AA64MMFR0_EL1) & 15);
  Regime regime = regime_el10(sctlr, tcr, 0, 0, mair, implemented);
  if (s_.features.has(cpu::Feature::TTST)) regime.min_input_bits = 16;
  configs_.push_back({sctlr, tcr, mair, regime});
  return static_cast<u8>(configs_.size() - 1);
}

Bank& Mmu::bank_for(Privilege privilege) {
  return banks_.get(bank_base_key_ | u64{static_cast<u8>(privilege)} << 40, RegimeId::El10, asid_, privilege, log_);
}

void Mmu::set_user_tables(Bank* bank) {
  s_.tlb_unpriv_read = bank != nullptr ? bank->read_table() : empty_table_.get();
  s_.tlb_unpriv_write = s_.tlb_unpriv_read + kTlbEntries;
}

// Tables are filled by the watchpoints of their time.
void Mmu::select_watchpoints() {
  seen_watch_changes_ = s_.watch_changes;
  const bool was = watching_;
  watching_ = cpu::any_watchpoint(s_);
  if (was || watching_) drop_all();
}

void Mmu::select() {
  const activity::Scope scope(activity::Activity::Memory);
  if (s_.watch_changes != seen_watch_changes_) select_watchpoints();
  const u64 sctlr = s_.reg(SysReg::SCTLR_EL1), tcr = s_.reg(SysReg::TCR_EL1), mair = s_.reg(SysReg::MAIR_EL1);
  const u64 ttbr0 = s_.reg(SysReg::TTBR0_EL1), ttbr1 = s_.reg(SysReg::TTBR1_EL1);
  if (bank_ == nullptr || sctlr != seen_sctlr_ || tcr != seen_tcr_ || mair != seen_mair_) {
    config_ = config_number(sctlr, tcr, mair);
    regime_ = configs_[config_].regime;
    check_alignment_ = bit(sctlr, 1);
    no_alignment_ = bit(sctlr, 6);
    seen_sctlr_ = sctlr;
    seen_tcr_ = tcr;
    seen_mair_ = mair;
  }
  regime_.range[0].table = ttbr0 & kTableBits;
  regime_.range[1].table = ttbr1 & kTableBits;
  asid_ = static_cast<u16>((bit(tcr, 22) ? ttbr1 : ttbr0) >> 48);
  if (!bit(tcr, 36)) asid_ &= 0xff;
  if (!regime_.enabled) asid_ = 0;

  // PAN is about translations, of which there are none while the MMU is off.
  const Privilege privilege = s_.el == 0                       ? Privilege::User
                              : s_.pan != 0 && regime_.enabled ? Privilege::KernelPan
                                                               : Privilege::Kernel;
  bank_base_key_ = u64{1} << 63 | u64{config_} << 32 | asid_;
  const u64 key = bank_base_key_ | u64{static_cast<u8>(privilege)} << 40;
  if (bank_ != nullptr && bank_->key() == key) {
    bank_->catch_up(log_);
  } else {
    bank_ = &bank_for(privilege);
  }
  s_.tlb_read = bank_->read_table();
  s_.tlb_write = bank_->write_table();
  if (s_.el == 0 && windows_.enabled()) {
    windows_.selected(*bank_);
    publish_window();
  }

  if (s_.el != 1 || s_.uao != 0) return set_user_tables(bank_);
  Bank* user = bank_->user_partner;
  if (user != nullptr && user->key() == bank_base_key_) {  // Privilege::User is 0
    user->catch_up(log_);
    user->last_used = bank_->last_used;
    return set_user_tables(user);
  }
  set_user_tables(nullptr);
}

// The bank of LDTR and STTR, found when the first of them comes.
Bank& Mmu::user_bank() {
  if (s_.el != 1 || s_.uao != 0) return *bank_;
  Bank& user = bank_for(Privilege::User);
  bank_->user_partner = &user;
  set_user_tables(&user);
  return user;
}

// --- Fetch ---

ExecSpace& Mmu::exec_space(u64 va) {
  const unsigned half = bit(va, 55) ? 1 : 0;
  const u64 table = regime_.enabled ? regime_.range[half].table : 0;
  const u64 id = table | u64{config_} << 48 | u64{s_.el == 0 ? 0u : 1u} << 56 | u64{half} << 57 | u64{1} << 63;
  ExecSpace*& current = exec_current_[half];
  if (current == nullptr || current->id() != id) {
    const Config& config = configs_[config_];
    const ExecIdentity identity = {id & ~(u64{0xff} << 48), config.sctlr, config.tcr, config.mair};
    current = &exec_.get(id, identity, RegimeId::El10, half);
  }
  while (!current->holds(asid_, log_)) {
    ++statistics_.exec_renewals;
    current->renew(exec_.registry());
  }
  return *current;
}

u32 Mmu::exec_key(u64 va) { return exec_space(va).key(); }

FetchResult Mmu::fetch(u64 va) {
  const activity::Scope scope(activity::Activity::Memory);
  ExecSpace& space = exec_space(va);
  FetchEntry& entry = space.entry(va);
  const u64 offset = va & kPageOffset;
  if (entry.tag == va - offset) return {true, entry.pa_page | offset, entry.host, entry.guarded};

  // Instruction fetches. UNPREDICTABLE: chose that code runs from Device memory as from any other.
  ++statistics_.fetch_walks;
  const u8 need = s_.el == 0 ? kExecute0 : kExecute1;
  PhysicalReader reader(space_);
  Translation t = walk_with(regime_, va, reader);
  while (!t.fault && t.needs_flag && (t.permissions & need) != 0 && !update_descriptor(t, false)) {
    reader.restart();
    t = walk_with(regime_, va, reader);
  }
  Fault fault = t.fault;
  if (fetch_closed(va)) fault = {.kind = FaultKind::Translation, .level = 0};
  if (!fault && (t.permissions & need) == 0) fault = {.kind = FaultKind::Permission, .level = t.level};
  const u64 pa_page = t.pa & ~kPageOffset;
  const u8* host = nullptr;
  if (!fault) {
    const Region* region = space_.find(t.pa);
    host = region != nullptr ? region->readable_page(pa_page) : nullptr;
    if (host == nullptr) {
      guest_error("cpu{}: instruction fetch from {:#x} (physical {:#x}), which is not memory", s_.cpu_index, va, t.pa);
      fault = {.kind = FaultKind::External};
    }
  }
  if (fault) {
    s_.exception = {};
    s_.exception.ec = cpu::kEcInsnAbort;
    s_.exception.iss = fault.status_code() | (fault.on_walk ? 1u << 7 : 0u);
    s_.exception.far_valid = true;
    s_.exception.far = va;
    s_.fault = 1;
    return {};
  }
  // Alone, the second attempt succeeds: the space is empty then.
  while (!space.record(va, t, regime_, reader.hosts())) {
    ++statistics_.exec_renewals;
    space.renew(exec_.registry());
    static_cast<void>(exec_space(va));
  }
  const bool guarded = t.guarded && s_.features.has(cpu::Feature::BTI);
  entry = {va - offset, pa_page, host, guarded};
  return {true, t.pa, host, guarded};
}

// No translation of instructions: what EL0 is kept out of, and tags in a half whose instruction addresses have none.
bool Mmu::fetch_closed(u64 va) const {
  if (!regime_.enabled) return false;
  const bool high = bit(va, 55);
  const Range& range = regime_.range[high ? 1 : 0];
  if (range.closed_to_el0 && s_.el == 0) return true;
  return !range.instruction_tags && va >> 56 != (high ? 0xffu : 0u);
}

bool Mmu::guarded(u64 va) {
  const FetchEntry& entry = exec_space(va).entry(va);
  if (entry.tag == (va & ~kPageOffset)) return entry.guarded;
  const Translation t = walk_now(va);
  return !t.fault && t.guarded && s_.features.has(cpu::Feature::BTI);
}

// --- Maintenance ---

void Mmu::tlb_invalidate(const cpu::TlbiOp& op) {
  const activity::Scope scope(activity::Activity::Memory);
  using Scope = cpu::TlbiOp::Scope;
  ++statistics_.tlb_operations;
  Maintenance m;
  m.regime = op.regime_el == 3 ? RegimeId::El3 : op.regime_el == 2 ? RegimeId::El2 : RegimeId::El10;
  m.asid = op.asid;
  m.va = op.va & ~kPageOffset;
  m.pages = op.range_pages;
  switch (op.scope) {
    case Scope::Asid: m.kind = Maintenance::Kind::Asid; break;
    case Scope::Va: m.kind = m.regime == RegimeId::El10 ? Maintenance::Kind::Va : Maintenance::Kind::VaAllAsids; break;
    case Scope::VaAllAsid: m.kind = Maintenance::Kind::VaAllAsids; break;
    case Scope::All:
    case Scope::Ipa:  // entries combine both stages and are not kept by IPA
    case Scope::VmallS12: m.kind = Maintenance::Kind::All; break;
  }
  if (!bit(s_.reg(SysReg::TCR_EL1), 36)) m.asid &= 0xff;
  log(LogCategory::kMmu, "cpu{}: TLBI kind {} asid {} va {:#x} pages {}", s_.cpu_index, static_cast<unsigned>(m.kind),
      m.asid, m.va, m.pages);
  log_.append(m);
  if (bank_ == nullptr) return;
  // Data accesses of the code that runs now see it at once, the rest when it is selected.
  bank_->catch_up(log_);
  if (s_.tlb_unpriv_read != s_.tlb_read && s_.tlb_unpriv_read != empty_table_.get())
    bank_->user_partner->catch_up(log_);
}

void Mmu::drop_all() {
  banks_.clear();
  exec_.renew_all();
}

bool Mmu::shield(u64 pa_page) {
  if (!space_.mark_code(pa_page)) return false;
  ++statistics_.shields;
  unwrite(pa_page);
  return true;
}

Mmu::Statistics Mmu::statistics() const {
  Statistics all = statistics_;
  all.bank_switches = banks_.switches;
  all.banks_recycled = banks_.recycled;
  all.windows_opened = windows_.statistics.opened;
  all.windows_closed = windows_.statistics.closed;
  all.window_maps = windows_.statistics.maps;
  all.window_unmaps = windows_.statistics.unmaps;
  return all;
}

// --- Address translation instructions ---

u64 Mmu::address_translate(cpu::AtOp op, u64 va) {
  using cpu::AtOp;
  u8 need = 0;
  bool pan = false;
  switch (op) {
    case AtOp::S1E1RP: pan = s_.pan != 0 && regime_.enabled; [[fallthrough]];
    case AtOp::S1E1R:
    case AtOp::S12E1R:
    case AtOp::S1E2R: need = kRead1; break;
    case AtOp::S1E1WP: pan = s_.pan != 0 && regime_.enabled; [[fallthrough]];
    case AtOp::S1E1W:
    case AtOp::S12E1W:
    case AtOp::S1E2W: need = kWrite1; break;
    case AtOp::S1E0R:
    case AtOp::S12E0R: need = kRead0; break;
    case AtOp::S1E0W:
    case AtOp::S12E0W: need = kWrite0; break;
  }
  // IMPDEF: these instructions do not set the access flag; where hardware would, they see it as set.
  const Translation t = walk_now(va);
  Fault fault = t.fault;
  const bool el0 = (need & (kRead0 | kWrite0)) != 0;
  if (el0 && closed(Privilege::User, va)) fault = {.kind = FaultKind::Translation, .level = 0};
  if (!fault && ((t.permissions & need) == 0 || (pan && !may_read(Privilege::KernelPan, t.permissions))))
    fault = {.kind = FaultKind::Permission, .level = t.level};
  if (fault.kind == FaultKind::ExternalOnWalk) {  // AArch64.AT: reported as cache maintenance is, PAR_EL1 stays
    data_fault(va, fault, true, true);
    return s_.reg(SysReg::PAR_EL1);
  }
  if (fault) return 1 | u64{fault.status_code()} << 1 | u64{fault.on_walk} << 8 | u64{fault.stage2} << 9 | u64{1} << 11;
  // Device and Normal Non-cacheable memory reads as Outer Shareable.
  const u64 shareability = t.device() || t.attributes == 0x44 ? 2 : t.shareability;
  return (t.pa & low_mask(48) & ~kPageOffset) | shareability << 7 | u64{1} << 9 | u64{1} << 11 |
         u64{t.attributes} << 56;
}

void Mmu::data_cache_op(u64 va, bool needs_write) {
  // What loads hit needs no look at the tables: such an operation can fault only as a load would.
  const u64 page = va & ~kPageOffset;
  if (!needs_write && s_.tlb_read != nullptr && s_.tlb_read[tlb_index(va)].tag == page) return;
  const bool user = s_.el == 0;
  const u8 need = static_cast<u8>(needs_write ? (user ? kWrite0 : kWrite1) : (user ? kRead0 : kRead1));
  Translation t = walk_now(va);
  while (!t.fault && t.needs_flag && (t.permissions & need) != 0 && !update_descriptor(t, false)) t = walk_now(va);
  if (user && closed(Privilege::User, va)) t.fault = {.kind = FaultKind::Translation, .level = 0};
  if (t.fault) {
    data_fault(va, t.fault, true, true);
    return;
  }
  if ((t.permissions & need) == 0) {
    data_fault(va, {.kind = FaultKind::Permission, .level = t.level}, true, true);
    return;
  }
  // Of the operations on a line only invalidation is watched, as a store (D2.10.5).
  constexpr u64 kLine = 64;
  if (needs_write && !check_watch(va & ~(kLine - 1), kLine, true, false)) {
    s_.exception.iss |= 1u << 8;  // CM
    s_.exception.far = va;
  }
}

std::optional<u64> Mmu::debug_translate(u64 va) {
  const Translation t = walk_now(va);
  if (t.fault) return std::nullopt;
  return t.pa;
}

}  // namespace ferry::softmmu
