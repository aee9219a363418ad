// Virtio entropy device: OASIS virtio 1.2, section 5.4.
#pragma once
#include "devices/virtio/device.h"

namespace ferry::devices::virtio {

class VirtioRng : public VirtioDevice {
 public:
  static Result<std::unique_ptr<VirtioDevice>> make(const DeviceContext& context);
  explicit VirtioRng(EntropySource& source) : source_(source) {}

  u32 id() const override { return 4; }
  u64 features() const override { return 0; }
  unsigned queue_count() const override { return 1; }
  u16 queue_size(unsigned) const override { return 8; }
  u8 config(u32) const override { return 0; }
  u32 serve(VirtQueue& queue, unsigned index, const Chain& chain, u64 features) override;
  u64 latency_ns() const override { return 10'000; }

 private:
  EntropySource& source_;
};

}  // namespace ferry::devices::virtio
