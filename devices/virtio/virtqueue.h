// The split virtqueue: OASIS virtio 1.2, section 2.7. Everything in it is the guest's memory, so every value is
// suspect: a ring that breaks a rule makes the queue broken, and its device asks for a reset.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "core/archive.h"
#include "core/ports.h"

namespace ferry::devices::virtio {

constexpr u64 kFeatureIndirect = u64{1} << 28;
constexpr u64 kFeatureEventIndex = u64{1} << 29;
constexpr u64 kFeatureVersion1 = u64{1} << 32;

constexpr u16 kMaxQueueSize = 1024;
// Descriptors of one chain, direct and indirect together.
constexpr u32 kMaxChain = 1024;

// Where the guest put the queue; what the transport's registers say.
struct QueueConfig {
  u16 size = 0;  // a power of two up to kMaxQueueSize
  bool ready = false;
  u64 descriptors = 0;  // guest physical addresses
  u64 driver = 0;       // available ring
  u64 device = 0;       // used ring
};

struct Segment {
  u64 address;
  u32 length;
};

// One request: what the device may read, then what it may write.
struct Chain {
  u16 head = 0;
  std::vector<Segment> readable;
  std::vector<Segment> writable;
};

// A cursor over the bytes of segments. Transfers are all or nothing as far as addresses go: false means that an address
// is not RAM or that fewer bytes are left, and the cursor is then useless.
class Cursor {
 public:
  Cursor(GuestMemory& memory, const std::vector<Segment>& segments);
  u64 left() const { return left_; }
  bool read(void* to, usize size);
  bool write(const void* from, usize size);

 private:
  template <class Move>
  bool transfer(usize size, Move&& move);

  GuestMemory& memory_;
  const std::vector<Segment>& segments_;
  usize index_ = 0;
  u32 inside_ = 0;
  u64 left_ = 0;
};

class VirtQueue {
 public:
  VirtQueue(GuestMemory& memory, std::string owner) : memory_(memory), owner_(std::move(owner)) {}

  // Begins at the ring's start; `features` are the negotiated ones.
  void start(const QueueConfig& config, u64 features);
  void stop() { *this = VirtQueue(memory_, owner_); }
  bool running() const { return config_.ready && !broken_; }
  bool broken() const { return broken_; }
  GuestMemory& memory() { return memory_; }

  // The next request; none when the ring is empty or broken.
  std::optional<Chain> pop();
  // Gives the request back; `written` bytes of its writable part are valid.
  void push(u16 head, u32 written);
  // After the ring was found empty: asks the driver to notify. True if requests came in between, so that it is not
  // empty after all.
  bool ask_for_notification();
  // Whether the driver wants an interrupt for what was pushed since the last call.
  bool take_interrupt();
  // For devices that find a request wrong beyond repair.
  void break_off(const std::string& why);

  void visit(Archive& archive);

  VirtQueue(VirtQueue&&) = default;
  VirtQueue& operator=(VirtQueue&& other) noexcept {
    config_ = other.config_;
    features_ = other.features_;
    last_available_ = other.last_available_;
    used_index_ = other.used_index_;
    signalled_ = other.signalled_;
    broken_ = other.broken_;
    return *this;
  }

 private:
  struct Descriptor {
    u64 address;
    u32 length;
    u16 flags;
    u16 next;
  };
  bool read_descriptor(u64 table, u32 index, Descriptor& descriptor);
  bool collect(u64 table, u32 table_size, u32 first, bool indirect, u32& budget, Chain& chain);
  bool read16(u64 address, u16& value);
  bool write16(u64 address, u16 value);

  GuestMemory& memory_;
  std::string owner_;
  QueueConfig config_;
  u64 features_ = 0;
  u16 last_available_ = 0;
  u16 used_index_ = 0;
  u16 signalled_ = 0;  // used_index_ at the last decision about an interrupt
  bool broken_ = false;
};

void visit(Archive& archive, QueueConfig& config);

}  // namespace ferry::devices::virtio
