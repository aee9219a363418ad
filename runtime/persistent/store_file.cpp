// The Store's half that reads and writes its file.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "runtime/persistent/mac.h"
#include "runtime/persistent/store.h"

namespace ferry::runtime::persistent {
namespace {

Mac mac_of_segment(const std::array<u8, 16>& key, const SegmentHeader& header, const void* index, usize size) {
  struct {
    u64 words[4];
    Mac index;
  } both = {{header.magic, header.position, header.count, header.bytes}, mac_of(key, index, size)};
  return mac_of(key, &both, sizeof(both));
}

bool write_all(int fd, const void* data, usize size, u64 at) {
  const u8* from = static_cast<const u8*>(data);
  while (size > 0) {
    const ssize_t n = pwrite(fd, from, size, static_cast<off_t>(at));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    from += n;
    size -= static_cast<usize>(n);
    at += static_cast<u64>(n);
  }
  return true;
}

u64 inode_at(int fd) {
  struct stat facts{};
  return fstat(fd, &facts) == 0 ? facts.st_ino : 0;
}

u64 size_at(int fd) {
  struct stat facts{};
  return fstat(fd, &facts) == 0 ? static_cast<u64>(facts.st_size) : 0;
}

}  // namespace

Store::Mapping::~Mapping() {
  if (data != nullptr) munmap(data, size);
}

// Opens the engine's file or makes it. Under the lock.
bool Store::load() {
  forget();
  for (int tries = 0; tries < 2; ++tries) {
    bool missing = false;
    auto file = folder_.open_file(name_, O_RDWR, missing);
    const bool fresh = !file && missing;
    if (fresh) file = folder_.open_file(name_, O_RDWR | O_CREAT | O_EXCL, missing);
    if (!file) {
      off_ = true;
      complain_once(file.error().message);
      return false;
    }
    file_ = std::move(*file);
    if (fresh && !write_header()) {
      const int error = errno;
      unlink((folder_.path() + "/" + name_).c_str());
      return give_up(std::strerror(error));
    }
    inode_ = inode_at(file_.fd());
    if (!map(size_at(file_.fd()))) return give_up(std::strerror(errno));
    if (header_holds()) {
      size_ = sizeof(FileHeader);
      read_segments();
      return true;
    }
    complain_once(fmt::format("{}/{}: damaged, discarded", folder_.path(), name_));
    mapping_.reset();
    file_ = File();
    unlink((folder_.path() + "/" + name_).c_str());
  }
  return give_up("cannot be made");
}

bool Store::write_header() {
  FileHeader header;
  header.fingerprint = fingerprint_;
  header.mac = mac_of(mac_key_, &header, offsetof(FileHeader, mac));
  return write_all(file_.fd(), &header, sizeof(header), 0);
}

bool Store::header_holds() const {
  if (mapping_->size < sizeof(FileHeader)) return false;
  FileHeader header;
  std::memcpy(&header, mapping_->data, sizeof(header));
  const Mac mac = mac_of(mac_key_, &header, offsetof(FileHeader, mac));
  return header.magic == kFileMagic && header.fingerprint == fingerprint_ && mac == header.mac;
}

bool Store::map(u64 size) {
  auto fresh = std::make_unique<Mapping>();
  if (size != 0) {
    void* data = mmap(nullptr, size, PROT_READ, MAP_SHARED, file_.fd(), 0);
    if (data == MAP_FAILED) return false;
    fresh->data = static_cast<u8*>(data);
    fresh->size = size;
  }
  mapping_ = std::move(fresh);
  return true;
}

// Takes the segments from size_ on into the index; what stands behind the last whole one goes.
void Store::read_segments() {
  while (size_ < mapping_->size) {
    const u64 next = read_segment(size_);
    if (next == 0) {
      complain_once(fmt::format("{}/{}: the last {} bytes are damaged or incomplete, discarded", folder_.path(), name_,
                                mapping_->size - size_));
      if (ftruncate(file_.fd(), static_cast<off_t>(size_)) != 0 || !map(size_)) give_up(std::strerror(errno));
      return;
    }
    size_ = next;
  }
}

// The end of the segment at `at`, or 0.
u64 Store::read_segment(u64 at) {
  const u64 left = mapping_->size - at;
  SegmentHeader header;
  if (left < sizeof(header)) return 0;
  std::memcpy(&header, mapping_->data + at, sizeof(header));
  const u64 room = left - sizeof(header);
  if (header.magic != kSegmentMagic || header.position != at || header.count > room / sizeof(IndexEntry) ||
      header.bytes > room - header.count * sizeof(IndexEntry) || header.bytes % 8 != 0)
    return 0;
  const u64 index = at + sizeof(header), index_bytes = header.count * sizeof(IndexEntry);
  const Mac mac = mac_of_segment(mac_key_, header, mapping_->data + index, index_bytes);
  if (mac != header.mac) return 0;
  reserve(header.count);
  for (u64 n = 0; n < header.count; ++n) {
    IndexEntry e;
    const u64 place = index + n * sizeof(e);
    std::memcpy(&e, mapping_->data + place, sizeof(e));
    const u64 bytes = u64{e.key_size} + e.value_size, begin = index + index_bytes;
    if (e.offset < begin || e.offset - begin > header.bytes || bytes > header.bytes - (e.offset - begin)) continue;
    insert(e.hash, place);
  }
  return index + index_bytes + header.bytes;
}

std::vector<u8> Store::segment(u64 position) const {
  SegmentHeader header;
  header.position = position;
  header.count = pending_.size();
  header.bytes = pending_bytes_.size();
  const usize index_bytes = pending_.size() * sizeof(IndexEntry);
  std::vector<IndexEntry> index = pending_;
  for (IndexEntry& e : index) e.offset += position + sizeof(header) + index_bytes;
  header.mac = mac_of_segment(mac_key_, header, index.data(), index_bytes);
  std::vector<u8> all(sizeof(header) + index_bytes + pending_bytes_.size());
  std::memcpy(all.data(), &header, sizeof(header));
  std::memcpy(all.data() + sizeof(header), index.data(), index_bytes);
  std::memcpy(all.data() + sizeof(header) + index_bytes, pending_bytes_.data(), pending_bytes_.size());
  return all;
}

// Catches up with what others did to the file. Under the lock.
bool Store::follow() {
  bool missing = false;
  auto now = folder_.open_file(name_, O_RDWR, missing);
  if (!now && !missing) return give_up(now.error().message);
  if (!now || inode_at(now->fd()) != inode_) return load();
  const u64 size = size_at(file_.fd());
  if (size < size_) return load();
  if (size > size_) {
    if (!map(size)) return give_up(std::strerror(errno));
    read_segments();
  }
  return !off_;
}

// What is pending becomes a segment of the file. Under the lock.
bool Store::append() {
  if (!follow()) return false;
  make_room();
  if (off_) return false;
  const std::vector<u8> bytes = segment(size_);
  if (!write_all(file_.fd(), bytes.data(), bytes.size(), size_)) {
    const int error = errno;
    (void)!ftruncate(file_.fd(), static_cast<off_t>(size_));
    return give_up(std::strerror(error));
  }
  pending_.clear();
  pending_bytes_.clear();
  if (!map(size_ + bytes.size())) return give_up(std::strerror(errno));
  read_segments();
  return true;
}

// The folder stays under its limit: the files that were used longest ago go first, then the records of this one.
void Store::make_room() {
  const u64 coming = sizeof(SegmentHeader) + pending_.size() * sizeof(IndexEntry) + pending_bytes_.size();
  std::vector<Folder::Entry> all = folder_.entries();
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.used_ns < b.used_ns; });
  u64 total = coming;
  for (const Folder::Entry& e : all) total += e.size;
  for (const Folder::Entry& e : all) {
    if (total <= limit_) return;
    if (e.name == name_ || unlink((folder_.path() + "/" + e.name).c_str()) != 0) continue;
    total -= e.size;
  }
  if (total <= limit_) return;
  const u64 goal = limit_ / 4 * 3;
  if (coming >= goal) {
    give_up("more than the cache may hold is new");
    return;
  }
  compact(goal - coming);
}

// Writes the file anew with at most `goal` bytes: the records that this run has used, then the newest.
void Store::compact(u64 goal) {
  std::vector<usize> order;
  for (usize i = 0; i < slots_.size(); ++i)
    if (slots_[i].entry != 0 && !slots_[i].bad) order.push_back(i);
  std::sort(order.begin(), order.end(), [this](usize a, usize b) {
    const Slot &x = slots_[a], &y = slots_[b];
    return x.used != y.used ? x.used > y.used : x.entry > y.entry;
  });
  std::vector<IndexEntry> kept_index;
  std::vector<u8> kept;
  std::vector<u64> used;
  for (const usize i : order) {
    IndexEntry e = entry_of(i);
    const usize size = usize{e.key_size} + e.value_size;
    if (sizeof(FileHeader) + sizeof(SegmentHeader) + (kept_index.size() + 1) * sizeof(e) + kept.size() + size + 8 >
        goal)
      break;
    const u8* from = mapping_->data + e.offset;
    e.offset = kept.size();
    kept.insert(kept.end(), from, from + size);
    kept.resize((kept.size() + 7) & ~usize{7});
    kept_index.push_back(e);
  }
  kept_index.swap(pending_);
  kept.swap(pending_bytes_);
  const std::vector<u8> bytes = segment(sizeof(FileHeader));
  kept_index.swap(pending_);
  kept.swap(pending_bytes_);
  bool missing = false;
  const std::string part = name_ + ".part";
  auto fresh = folder_.open_file(part, O_RDWR | O_CREAT | O_TRUNC, missing);
  bool ok = fresh.ok();
  if (ok) {
    file_ = std::move(*fresh);
    ok = write_header() && write_all(file_.fd(), bytes.data(), bytes.size(), sizeof(FileHeader)) &&
         rename((folder_.path() + "/" + part).c_str(), (folder_.path() + "/" + name_).c_str()) == 0;
  }
  if (!ok) {
    give_up(std::strerror(errno));
    unlink((folder_.path() + "/" + part).c_str());
    return;
  }
  load();
}

}  // namespace ferry::runtime::persistent
