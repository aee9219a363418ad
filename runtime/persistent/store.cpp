#include "runtime/persistent/store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/check.h"
#include "runtime/persistent/mac.h"

namespace ferry::runtime::persistent {
namespace {

constexpr usize kFirstSlots = 1 << 12;
constexpr usize kWriteAt = 1 << 20;      // bytes that are kept back at most
constexpr usize kHoldAt = 8 << 20;       // that many wait for a writer who is slow; more is dropped
constexpr unsigned kWaitAtEnd = 10'000;  // milliseconds for the lock when the run begins and ends

}  // namespace

std::string file_name(const Fingerprint& fingerprint) {
  std::string name;
  for (usize i = 0; i < 16; ++i) name += fmt::format("{:02x}", fingerprint[i]);
  return name + ".code";
}

Store::Store(Folder folder, const Fingerprint& fingerprint, u64 limit, Complain complain)
    : folder_(std::move(folder)),
      name_(file_name(fingerprint)),
      limit_(limit),
      complain_(std::move(complain)),
      fingerprint_(fingerprint),
      slots_(kFirstSlots) {
  crypto_generichash(mac_key_.data(), mac_key_.size(), fingerprint.data(), fingerprint.size(), folder_.secret().data(),
                     folder_.secret().size());
}

Result<std::unique_ptr<Store>> Store::open(const std::string& path, const Fingerprint& fingerprint, u64 limit,
                                           Complain complain) {
  auto folder = Folder::open(path);
  if (!folder) return folder.error();
  std::unique_ptr<Store> store(new Store(std::move(*folder), fingerprint, limit, std::move(complain)));
  if (!store->folder_.lock(kWaitAtEnd)) return Error{path + "/lock: held by another run for too long"};
  store->folder_.tidy();
  const bool ok = store->load();
  if (ok) futimens(store->file_.fd(), nullptr);  // the last use
  store->folder_.unlock();
  if (!ok) store->off_ = true;
  return store;
}

Store::~Store() { flush(); }

void Store::complain_once(const std::string& sentence) {
  if (!complained_) complain_(sentence);
  complained_ = true;
}

// Nothing is written any more; what is there is still read.
bool Store::give_up(const std::string& sentence) {
  off_ = true;
  complain_once(fmt::format("{}/{}: {}; nothing more is kept", folder_.path(), name_, sentence));
  return false;
}

void Store::forget() {
  mapping_.reset();
  slots_.assign(kFirstSlots, Slot{});
  used_slots_ = 0;
  size_ = 0;
}

namespace {

u64 tag_of(u64 hash) { return hash >> 42; }

}  // namespace

IndexEntry Store::entry_of(usize i) const {
  IndexEntry e;
  std::memcpy(&e, mapping_->data + slots_[i].entry, sizeof(e));
  return e;
}

// For so many more entries.
void Store::reserve(u64 more) {
  usize size = slots_.size();
  while ((used_slots_ + more) * 2 > size) size *= 2;
  if (size == slots_.size()) return;
  std::vector<Slot> old(size);
  old.swap(slots_);
  const usize mask = slots_.size() - 1;
  for (const Slot& s : old) {
    if (s.entry == 0) continue;
    IndexEntry e;
    std::memcpy(&e, mapping_->data + s.entry, sizeof(e));
    usize i = e.hash & mask;
    while (slots_[i].entry != 0) i = (i + 1) & mask;
    slots_[i] = s;
  }
}

void Store::insert(u64 hash, u64 entry) {
  if (entry >= u64{1} << 40) return;
  reserve(1);
  const usize mask = slots_.size() - 1;
  usize i = hash & mask;
  while (slots_[i].entry != 0) i = (i + 1) & mask;
  slots_[i].entry = entry & low_mask(40);
  slots_[i].tag = tag_of(hash) & low_mask(22);
  ++used_slots_;
}

usize Store::probe(usize i, u64 hash) const {
  const usize mask = slots_.size() - 1;
  for (; slots_[i & mask].entry != 0; ++i)
    if (slots_[i & mask].tag == tag_of(hash) && !slots_[i & mask].bad) return i & mask;
  return kNone;
}
usize Store::first(u64 hash) const { return probe(hash & (slots_.size() - 1), hash); }
usize Store::next(usize i, u64 hash) const { return probe(i + 1, hash); }

std::span<const u8> Store::key_of(usize i) const {
  const IndexEntry e = entry_of(i);
  return {mapping_->data + e.offset, e.key_size};
}

std::span<const u8> Store::checked(usize i) {
  const IndexEntry e = entry_of(i);
  const u8* bytes = mapping_->data + e.offset;
  const Mac mac = mac_of(mac_key_, bytes, usize{e.key_size} + e.value_size);
  if (mac != e.mac) {
    slots_[i].bad = 1;
    complain_once(fmt::format("{}/{}: a record is damaged, discarded", folder_.path(), name_));
    return {};
  }
  slots_[i].used = 1;
  return {bytes + e.key_size, e.value_size};
}

void Store::add(u64 hash, std::span<const u8> key, std::span<const u8> value) {
  if (off_ || pending_bytes_.size() > kHoldAt) return;
  ASSERT(!value.empty(), "a record has a value");
  IndexEntry e;
  e.hash = hash;
  e.offset = pending_bytes_.size();
  e.key_size = static_cast<u32>(key.size());
  e.value_size = static_cast<u32>(value.size());
  pending_bytes_.insert(pending_bytes_.end(), key.begin(), key.end());
  pending_bytes_.insert(pending_bytes_.end(), value.begin(), value.end());
  e.mac = mac_of(mac_key_, pending_bytes_.data() + e.offset, key.size() + value.size());
  pending_bytes_.resize((pending_bytes_.size() + 7) & ~usize{7});
  pending_.push_back(e);
  if (pending_bytes_.size() < kWriteAt || !folder_.lock(0)) return;
  append();
  folder_.unlock();
}

void Store::flush() {
  if (off_ || pending_.empty() || !folder_.lock(kWaitAtEnd)) return;
  append();
  folder_.unlock();
}

Result<usize> clear(const std::string& path) {
  auto folder = Folder::look(path);
  if (!folder) return folder.error();
  if (!folder->lock(kWaitAtEnd)) return Error{path + "/lock: held by another run for too long"};
  folder->tidy();
  usize gone = 0;
  for (const Folder::Entry& e : folder->entries())
    if (unlink((path + "/" + e.name).c_str()) == 0) ++gone;
  folder->unlock();
  return gone;
}

}  // namespace ferry::runtime::persistent
