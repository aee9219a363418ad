// Virtio block device: OASIS virtio 1.2, section 5.2.
#pragma once
#include "devices/virtio/device.h"

namespace ferry::devices::virtio {

class VirtioBlk : public VirtioDevice {
 public:
  static Result<std::unique_ptr<VirtioDevice>> make(const DeviceContext& context);
  // `serial` is what GET_ID answers, cut to 20 bytes. The back end outlives the device.
  VirtioBlk(std::string name, BlockBackend& disk, std::string serial);

  u32 id() const override { return 2; }
  u64 features() const override;
  unsigned queue_count() const override { return 1; }
  u16 queue_size(unsigned) const override { return 256; }
  u8 config(u32 offset) const override;
  u32 serve(VirtQueue& queue, unsigned index, const Chain& chain, u64 features) override;
  u64 latency_ns() const override { return 50'000; }

 private:
  struct Request {
    u32 type;
    u64 sector;
  };
  u8 execute(const Request& request, Cursor& from, Cursor& to, u64 payload, u64 features, u64& written);
  u8 read(u64 sector, Cursor& to, u64 size, u64& written);
  u8 write(u64 sector, Cursor& from, u64 features);
  u8 ranges(u32 type, Cursor& from);
  bool inside(u64 sector, u64 bytes) const;
  u8 failed(const Status& status);

  const std::string name_;
  BlockBackend& disk_;
  const u64 sectors_;
  const std::string serial_;
  unsigned failures_ = 0;
};

}  // namespace ferry::devices::virtio
