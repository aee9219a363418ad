// Firmware configuration device, `qemu,fw-cfg-mmio`: docs/specs/fw_cfg of QEMU (the interface, with DMA). Data at 0,
// selector at 8, DMA address at 16; selector, DMA and the directory are big-endian.
#pragma once
#include <map>

#include "devices/registry.h"

namespace ferry::devices {

class FwCfg : public Device {
 public:
  // Offers the context's firmware_items by key and firmware_files through the directory.
  explicit FwCfg(const DeviceContext& context);

 protected:
  void on_reset() override;
  void visit_state(Archive& archive) override;
  void after_unlock() override;

 private:
  class Window : public MmioHandler {
   public:
    explicit Window(FwCfg& device) : device_(device) {}
    u64 read(u64 offset, unsigned size) override;
    void write(u64 offset, unsigned size, u64 value) override;

   private:
    FwCfg& device_;
  };
  static constexpr u64 kData = 0, kSelector = 8, kDma = 16, kEnd = 24;

  void select(u16 key);
  u8 next_byte();
  u64 read_register(u64 offset, unsigned size);
  void write_register(u64 offset, unsigned size, u64 value);
  void transfer();
  bool move(u32 control, u32 length, u64 address);

  GuestMemory& memory_;
  std::map<u16, std::vector<u8>> items_;
  Window window_{*this};
  u16 key_ = 0;
  u32 offset_ = 0;
  u64 dma_address_ = 0;
  bool dma_wanted_ = false;
  std::atomic<bool> work_waits_{false};
  Deferred worker_;
};

}  // namespace ferry::devices
