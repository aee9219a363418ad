// Records (key, value) that outlive the process: what one engine's runs have compiled. See format.h for the files.
//
// Not synchronised: its owner calls it under a lock of its own. Other processes may use the same folder at the same
// time: what they append is seen when this one appends.
#pragma once
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/result.h"
#include "runtime/persistent/folder.h"
#include "runtime/persistent/format.h"

namespace ferry::runtime::persistent {

// Takes one line about something that is wrong; the run goes on without what it names.
using Complain = std::function<void(const std::string&)>;

class Store {
 public:
  // limit: bytes of all files of the folder together. An error: the folder cannot be used at all.
  static Result<std::unique_ptr<Store>> open(const std::string& folder, const Fingerprint& fingerprint, u64 limit,
                                             Complain complain);
  // Writes what was added.
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  // The value of a record with that hash whose key `matches`; empty: there is none. Valid until the next call of
  // add() or flush(). The bytes have passed their check.
  using Matches = std::function<bool(std::span<const u8> key)>;
  template <class M>
  std::span<const u8> find(u64 hash, M matches) {
    for (usize i = first(hash); i != kNone; i = next(i, hash)) {
      if (!matches(key_of(i))) continue;
      if (const std::span<const u8> value = checked(i); !value.empty()) return value;
    }
    return {};
  }
  // Keeps a record; the value must not be empty. It is written some time later, and found by find() then.
  void add(u64 hash, std::span<const u8> key, std::span<const u8> value);
  void flush();

  // Every record that passes its check.
  template <class F>
  void for_each(F f) {
    for (usize i = 0; i < slots_.size(); ++i) {
      if (slots_[i].entry == 0 || slots_[i].bad) continue;
      if (const std::span<const u8> value = checked(i); !value.empty()) f(key_of(i), value);
    }
  }

  usize records() const { return used_slots_; }
  u64 file_bytes() const { return size_; }

 private:
  static constexpr usize kNone = ~usize{0};
  struct Slot {
    u64 entry : 40 = 0;  // offset in the file of the IndexEntry; 0: free
    u64 tag : 22 = 0;    // of the hash
    u64 used : 1 = 0;
    u64 bad : 1 = 0;
  };
  struct Mapping {
    u8* data = nullptr;
    u64 size = 0;
    ~Mapping();
  };

  Store(Folder folder, const Fingerprint& fingerprint, u64 limit, Complain complain);
  usize first(u64 hash) const;
  usize next(usize i, u64 hash) const;
  usize probe(usize i, u64 hash) const;
  std::span<const u8> key_of(usize i) const;
  std::span<const u8> checked(usize i);
  IndexEntry entry_of(usize i) const;
  void insert(u64 hash, u64 entry);
  void reserve(u64 more);
  void complain_once(const std::string& sentence);
  bool give_up(const std::string& sentence);

  bool load();
  bool follow();
  bool map(u64 size);
  bool header_holds() const;
  void read_segments();
  u64 read_segment(u64 at);
  bool append();
  bool write_header();
  void make_room();
  void compact(u64 goal);
  std::vector<u8> segment(u64 position) const;
  void forget();

  Folder folder_;
  const std::string name_;
  const u64 limit_;
  Complain complain_;
  Fingerprint fingerprint_;
  std::array<u8, 16> mac_key_{};
  File file_;
  u64 inode_ = 0;
  std::unique_ptr<Mapping> mapping_;
  u64 size_ = 0;  // of what has been checked and is in the index
  std::vector<Slot> slots_;
  usize used_slots_ = 0;
  std::vector<IndexEntry> pending_;
  std::vector<u8> pending_bytes_;
  bool off_ = false;  // nothing is written any more
  bool complained_ = false;
};

// All .code files of a folder go. Returns how many; runs that use them keep what they have open.
Result<usize> clear(const std::string& folder);

// The fingerprint's file name.
std::string file_name(const Fingerprint& fingerprint);

}  // namespace ferry::runtime::persistent
