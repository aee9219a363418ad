#include "devices/virtio/mmio.h"

#include <fmt/format.h>

#include <bit>

#include "core/log.h"

namespace ferry::devices::virtio {
namespace {

constexpr u64 kDriverOk = 4, kFeaturesOk = 8, kNeedsReset = 0x40;
constexpr u64 kUsedBuffer = 1, kConfigChange = 2;
constexpr u64 kRingFeatures = kFeatureIndirect | kFeatureEventIndex | kFeatureVersion1;

}  // namespace

Result<std::unique_ptr<Device>> VirtioMmio::make(const DeviceContext& context) {
  std::unique_ptr<VirtioDevice> device;
  if (!context.plugged.empty()) {
    const VirtioModel* model = find_virtio_model(context.plugged);
    if (model == nullptr) {
      std::string known;
      for (const VirtioModel& each : virtio_models()) known += fmt::format(" {}", each.name);
      return Error{fmt::format("-device {}: no such virtio device, expected one of:{}", context.plugged, known)};
    }
    auto made = model->make(context);
    if (!made) return made.error();
    device = std::move(*made);
  }
  return std::unique_ptr<Device>(std::make_unique<VirtioMmio>(context, std::move(device)));
}

VirtioMmio::VirtioMmio(const DeviceContext& context, std::unique_ptr<VirtioDevice> device)
    : Device(context.name),
      clock_(context.clock),
      line_(context.irq(0)),
      device_(std::move(device)),
      worker_([this] { work(); }),
      latency_(context.events, [this] { locked([] {}); }) {
  add_region(bank_);
  const unsigned count = device_ != nullptr ? device_->queue_count() : 0;
  for (unsigned i = 0; i < count; ++i) {
    queues_.push_back(
        std::make_unique<Queue>(Queue{{}, false, VirtQueue(context.memory, fmt::format("{} queue {}", name(), i))}));
  }
  DeviceID.on_read([this](unsigned) { return device_ != nullptr ? device_->id() : 0; });
  DeviceFeatures.on_read([this](unsigned) {
    return device_features_select_ < 2 ? bits(offered() >> 32 * device_features_select_, 31, 0) : 0;
  });
  DeviceFeaturesSel.on_write(
      [this](const Register::Write& w) { device_features_select_ = static_cast<u32>(w.written); });
  DriverFeatures.on_write([this](const Register::Write& w) {
    if (driver_features_select_ > 1 || Status.test(kFeaturesOk)) {
      guest_error("{}: features written after FEATURES_OK or beyond bit 63", name());
      return;
    }
    const unsigned shift = 32 * driver_features_select_;
    driver_features_ = (driver_features_ & ~(low_mask(32) << shift)) | w.written << shift;
  });
  DriverFeaturesSel.on_write(
      [this](const Register::Write& w) { driver_features_select_ = static_cast<u32>(w.written); });
  QueueSel.on_write([this](const Register::Write& w) { queue_select_ = static_cast<u32>(w.written); });
  QueueNumMax.on_read([this](unsigned) { return selected() != nullptr ? device_->queue_size(queue_select_) : u64{0}; });
  QueueNum.on_write([this](const Register::Write& w) {
    QueueConfig* queue = selected();
    if (queue == nullptr || queue->ready) return;
    const bool fits =
        w.written != 0 && w.written <= device_->queue_size(queue_select_) && std::has_single_bit(w.written);
    if (fits)
      queue->size = static_cast<u16>(w.written);
    else
      guest_error("{}: queue size {}, expected a power of two up to {}", name(), w.written,
                  device_->queue_size(queue_select_));
  });
  QueueReady.on_read([this](unsigned) { return selected() != nullptr && selected()->ready ? 1 : 0; });
  QueueReady.on_write([this](const Register::Write& w) { queue_ready_written(w.now); });
  QueueNotify.on_write([this](const Register::Write& w) { notified(w.written); });
  InterruptACK.on_write([this](const Register::Write& w) { InterruptStatus.assign(w.written, false); });
  Status.on_write([this](const Register::Write& w) { status_written(w); });
  address_register(QueueDescLow, QueueDescHigh, &QueueConfig::descriptors);
  address_register(QueueDriverLow, QueueDriverHigh, &QueueConfig::driver);
  address_register(QueueDeviceLow, QueueDeviceHigh, &QueueConfig::device);
  Config.on_read([this](unsigned i) { return device_ != nullptr ? device_->config(i) : u64{0}; });
  Config.on_write([this](const Register::Write& w) {
    Config.set(0, w.index);  // the device keeps it
    if (device_ != nullptr) device_->write_config(w.index, static_cast<u8>(w.written));
  });
  reset();
}

void VirtioMmio::address_register(Register& low, Register& high, u64 QueueConfig::* member) {
  const auto half = [this, member](unsigned shift) {
    return [this, member, shift](const Register::Write& w) {
      QueueConfig* queue = selected();
      if (queue == nullptr || queue->ready) return;
      queue->*member = (queue->*member & ~(low_mask(32) << shift)) | w.written << shift;
    };
  };
  low.on_write(half(0));
  high.on_write(half(32));
}

u64 VirtioMmio::offered() const { return device_ != nullptr ? device_->features() | kRingFeatures : 0; }

QueueConfig* VirtioMmio::selected() {
  return queue_select_ < queues_.size() ? &queues_[queue_select_]->config : nullptr;
}

// 2.1 Device Status Field, 3.1.1 Driver Requirements: Device Initialization
void VirtioMmio::status_written(const Register::Write& w) {
  Status.set(w.before);
  if (device_ == nullptr) return;
  if (w.written == 0) {
    reset_wanted_ = true;
    return;
  }
  u64 added = w.now & ~w.before;
  if ((w.before & ~w.written & ~kNeedsReset) != 0)
    guest_error("{}: status bits {:#x} cleared without a reset", name(), w.before & ~w.written);
  if (added & kFeaturesOk) {
    const bool acceptable = (driver_features_ & ~offered()) == 0 && (driver_features_ & kFeatureVersion1) != 0;
    if (!acceptable) {
      guest_error("{}: features {:#x} are not acceptable, offered {:#x} with VERSION_1", name(), driver_features_,
                  offered());
      added &= ~kFeaturesOk;
    }
  }
  if ((added & kDriverOk) != 0 && ((w.before | added) & kFeaturesOk) == 0) {
    guest_error("{}: DRIVER_OK without FEATURES_OK", name());
    added &= ~kDriverOk;
  }
  Status.set(w.before | added);
}

void VirtioMmio::queue_ready_written(u64 value) {
  QueueReady.set(0);  // each queue has its own
  QueueConfig* queue = selected();
  if (queue == nullptr || (value != 0) == queue->ready) return;
  if (value != 0 && queue->size == 0) {
    guest_error("{}: queue {} is made ready without a size", name(), queue_select_);
    return;
  }
  if (value != 0 && (queue->descriptors % 16 != 0 || queue->driver % 2 != 0 || queue->device % 4 != 0)) {
    guest_error("{}: queue {} is not aligned", name(), queue_select_);
    return;
  }
  queue->ready = value != 0;
  queues_[queue_select_]->start_wanted = true;
}

void VirtioMmio::notified(u64 queue) {
  if (queue >= queues_.size() || !Status.test(kDriverOk) || Status.test(kNeedsReset)) {
    guest_error("{}: notification of queue {} that is not running", name(), queue);
    return;
  }
  pending_ |= u64{1} << queue;
  // In virtual time a request takes a fixed time, whatever the host does; it is served at that moment.
  if (clock_.is_virtual() && latency_.deadline() == kNever) latency_.arm(clock_.now() + device_->latency_ns());
}

void VirtioMmio::needs_reset() {
  if (Status.test(kNeedsReset)) return;
  Status.assign(kNeedsReset, true);
  if (Status.test(kDriverOk)) InterruptStatus.assign(kConfigChange, true);
}

void VirtioMmio::clear() {
  bank_.reset();
  for (auto& queue : queues_) {
    queue->config = {};
    queue->start_wanted = false;
    queue->ring.stop();
  }
  driver_features_ = 0;
  device_features_select_ = driver_features_select_ = queue_select_ = 0;
  pending_ = 0;
  reset_wanted_ = false;
  latency_.disarm();
  if (device_ != nullptr) device_->reset();
}

void VirtioMmio::on_reset() { clear(); }

void VirtioMmio::visit_state(Archive& archive) {
  for (auto& queue : queues_) {
    archive.section("queue", [&] {
      virtio::visit(archive, queue->config);
      archive.field("start_wanted", queue->start_wanted);
      queue->ring.visit(archive);
    });
  }
  archive.field("driver_features", driver_features_);
  archive.field("device_features_select", device_features_select_);
  archive.field("driver_features_select", driver_features_select_);
  archive.field("queue_select", queue_select_);
  archive.field("pending", pending_);
  archive.field("reset_wanted", reset_wanted_);
  latency_.visit(archive, "latency");
  if (device_ != nullptr) device_->visit(archive);
}

void VirtioMmio::after_access() {
  line_.set(InterruptStatus.get() != 0);
  const bool due = pending_ != 0 && latency_.deadline() == kNever;
  bool start = false;
  for (const auto& queue : queues_) start |= queue->start_wanted;
  work_waits_ = reset_wanted_ || start || due;
}

void VirtioMmio::after_unlock() {
  if (work_waits_) worker_.request();
}

// Everything that touches rings, one at a time and without the lock: resets too, so that a reset waits for requests
// under way (the status reads as it was until then).
void VirtioMmio::work() {
  u64 due = 0;
  {
    const std::lock_guard lock(mutex());
    if (reset_wanted_) clear();
    for (auto& queue : queues_) {
      if (!queue->start_wanted) continue;
      queue->start_wanted = false;
      queue->ring.start(queue->config, driver_features_);
    }
    if (latency_.deadline() == kNever) due = std::exchange(pending_, 0);
    after_access();
  }
  for (unsigned i = 0; i < queues_.size(); ++i) {
    if (bit(due, i)) serve(i);
  }
}

void VirtioMmio::serve(unsigned index) {
  VirtQueue& ring = queues_[index]->ring;
  u64 features = 0;
  {
    const std::lock_guard lock(mutex());
    features = driver_features_;
  }
  // A ring that the guest (or the device's own writes) keeps filling must not hold this thread: the rest comes a moment
  // later.
  unsigned budget = 2 * device_->queue_size(index);
  bool more = true;
  while (more && budget != 0) {
    const auto chain = ring.pop();
    if (!chain) {
      more = ring.ask_for_notification();
      continue;
    }
    --budget;
    const u32 written = device_->serve(ring, index, *chain, features);
    ring.push(chain->head, written);
  }
  const bool interrupt = ring.take_interrupt();
  const std::lock_guard lock(mutex());
  if (interrupt) InterruptStatus.assign(kUsedBuffer, true);
  if (more && ring.running()) {
    pending_ |= u64{1} << index;
    latency_.arm(clock_.now() + device_->latency_ns());
  }
  if (ring.broken()) needs_reset();
  after_access();
}

}  // namespace ferry::devices::virtio
