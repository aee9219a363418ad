// Virtio over MMIO: OASIS virtio 1.2, section 4.2, version 2 (the modern interface).
#pragma once
#include <vector>

#include "devices/virtio/device.h"

namespace ferry::devices::virtio {

class VirtioMmio : public Device {
 public:
  static Result<std::unique_ptr<Device>> make(const DeviceContext& context);
  // `device` may be null: an empty slot, whose DeviceID is 0.
  VirtioMmio(const DeviceContext& context, std::unique_ptr<VirtioDevice> device);

 protected:
  void on_reset() override;
  void visit_state(Archive& archive) override;
  void after_access() override;
  void after_unlock() override;

 private:
  struct Queue {
    QueueConfig config;         // what the registers say; under the lock
    bool start_wanted = false;  // config became ready: the worker takes it over
    VirtQueue ring;             // the worker's
  };

  u64 offered() const;
  QueueConfig* selected();
  void status_written(const Register::Write& write);
  void queue_ready_written(u64 value);
  void notified(u64 queue);
  void needs_reset();
  void clear();
  void work();
  void serve(unsigned index);
  void address_register(Register& low, Register& high, u64 QueueConfig::* member);

  Clock& clock_;
  const IrqLine line_;
  const std::unique_ptr<VirtioDevice> device_;
  std::vector<std::unique_ptr<Queue>> queues_;

  RegisterBank bank_{name()};
  // clang-format off
  Register MagicValue{bank_, {.offset = 0x000, .name = "MagicValue", .reset = 0x74726976, .fields = whole(Access::kRo)}};
  Register Version{bank_, {.offset = 0x004, .name = "Version", .reset = 2, .fields = whole(Access::kRo)}};
  Register DeviceID{bank_, {.offset = 0x008, .name = "DeviceID", .fields = whole(Access::kRo)}};
  Register VendorID{bank_, {.offset = 0x00c, .name = "VendorID", .reset = 0x59524546, .fields = whole(Access::kRo)}};  // "FERY"
  Register DeviceFeatures{bank_, {.offset = 0x010, .name = "DeviceFeatures", .fields = whole(Access::kRo)}};
  Register DeviceFeaturesSel{bank_, {.offset = 0x014, .name = "DeviceFeaturesSel", .fields = whole(Access::kWo)}};
  Register DriverFeatures{bank_, {.offset = 0x020, .name = "DriverFeatures", .fields = whole(Access::kWo)}};
  Register DriverFeaturesSel{bank_, {.offset = 0x024, .name = "DriverFeaturesSel", .fields = whole(Access::kWo)}};
  Register QueueSel{bank_, {.offset = 0x030, .name = "QueueSel", .fields = whole(Access::kWo)}};
  Register QueueNumMax{bank_, {.offset = 0x034, .name = "QueueNumMax", .fields = whole(Access::kRo)}};
  Register QueueNum{bank_, {.offset = 0x038, .name = "QueueNum", .fields = whole(Access::kWo)}};
  Register QueueReady{bank_, {.offset = 0x044, .name = "QueueReady", .fields = {{"Ready", 0, 1, Access::kRw}}}};
  Register QueueNotify{bank_, {.offset = 0x050, .name = "QueueNotify", .fields = whole(Access::kWo)}};
  Register InterruptStatus{bank_, {.offset = 0x060, .name = "InterruptStatus", .fields = {{"UsedBuffer", 0, 1, Access::kRo}, {"ConfigurationChange", 1, 1, Access::kRo}}}};
  Register InterruptACK{bank_, {.offset = 0x064, .name = "InterruptACK", .fields = {{"ACK", 0, 2, Access::kWo}}}};
  Register Status{bank_, {.offset = 0x070, .name = "Status", .fields = {
      {"ACKNOWLEDGE", 0, 1, Access::kRw}, {"DRIVER", 1, 1, Access::kRw}, {"DRIVER_OK", 2, 1, Access::kRw}, {"FEATURES_OK", 3, 1, Access::kRw},
      {"DEVICE_NEEDS_RESET", 6, 1, Access::kRo}, {"FAILED", 7, 1, Access::kRw}}}};
  Register QueueDescLow{bank_, {.offset = 0x080, .name = "QueueDescLow", .fields = whole(Access::kWo)}};
  Register QueueDescHigh{bank_, {.offset = 0x084, .name = "QueueDescHigh", .fields = whole(Access::kWo)}};
  Register QueueDriverLow{bank_, {.offset = 0x090, .name = "QueueDriverLow", .fields = whole(Access::kWo)}};
  Register QueueDriverHigh{bank_, {.offset = 0x094, .name = "QueueDriverHigh", .fields = whole(Access::kWo)}};
  Register QueueDeviceLow{bank_, {.offset = 0x0a0, .name = "QueueDeviceLow", .fields = whole(Access::kWo)}};
  Register QueueDeviceHigh{bank_, {.offset = 0x0a4, .name = "QueueDeviceHigh", .fields = whole(Access::kWo)}};
  Register SHMSel{bank_, {.offset = 0x0ac, .name = "SHMSel", .fields = whole(Access::kWo)}};
  Register SHMLen{bank_, {.offset = 0x0b0, .name = "SHMLen", .reset = 0xffffffff, .fields = whole(Access::kRo), .count = 2}};    // no region
  Register SHMBase{bank_, {.offset = 0x0b8, .name = "SHMBase", .reset = 0xffffffff, .fields = whole(Access::kRo), .count = 2}};
  Register ConfigGeneration{bank_, {.offset = 0x0fc, .name = "ConfigGeneration", .fields = whole(Access::kRo)}};
  Register Config{bank_, {.offset = 0x100, .name = "Config", .fields = whole(Access::kRw), .size = 1, .count = 0x100}};
  // clang-format on

  u64 driver_features_ = 0;
  u32 device_features_select_ = 0;
  u32 driver_features_select_ = 0;
  u32 queue_select_ = 0;
  u64 pending_ = 0;  // a bit a queue: notified, not served yet
  bool reset_wanted_ = false;
  std::atomic<bool> work_waits_{false};

  Deferred worker_;
  Timer latency_;
};

}  // namespace ferry::devices::virtio
