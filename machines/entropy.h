// Randomness for the guest's devices.
#pragma once
#include <mutex>

#include "core/ports.h"
#include "machines/tree_edit.h"

namespace ferry::machines {

// The host's, from getrandom.
class HostEntropy final : public EntropySource {
 public:
  void fill(std::span<u8> to) override;
};

// What a seed decides; not for secrets.
class SeededEntropy final : public EntropySource {
 public:
  explicit SeededEntropy(const LaunchRecord& record) : random_(record, "entropy") {}
  void fill(std::span<u8> to) override;

 private:
  std::mutex mutex_;
  LaunchRandom random_;
};

// A number from the host, for LaunchRecord::host_seed.
u64 host_random_number();

}  // namespace ferry::machines
