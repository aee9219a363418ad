// NOR flash with the Common Flash Interface (JEDEC JESD68.01) and the Intel/Sharp extended command set (Intel 28F128J3
// datasheet, 290667), one bank a window. A bank of 4 bytes is two 16-bit chips side by side that take the same
// commands.
#pragma once
#include <memory>
#include <vector>

#include "devices/registry.h"

namespace ferry::devices {

class CfiFlash : public Device {
 public:
  // `bank-width` is 1, 2 or 4 (4). Bank i keeps its content in the context's block i: what the image does not cover is
  // erased, and changes there are not kept. A read-only image makes a bank whose programming and erasing fail as if all
  // of it were locked.
  static Result<std::unique_ptr<Device>> make(const DeviceContext& context);
  ~CfiFlash() override;

  RomDevice* rom_region(usize index) override;

 protected:
  void on_reset() override;
  void visit_state(Archive& archive) override;
  void after_unlock() override;

 private:
  class Bank;
  explicit CfiFlash(const DeviceContext& context);
  Status load(const DeviceContext& context);

  std::vector<std::unique_ptr<Bank>> banks_of_flash_;
  Deferred keeper_;  // writes changes to the images
};

}  // namespace ferry::devices
