#include "verify/oracle_client.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/check.h"

extern char** environ;

namespace ferry::verify {
namespace {

constexpr int kSharedDescriptor = 3;  // of the oracle
// FPSR<31:28> are flags of AArch32, which an oracle may have and ferry has not.
constexpr u32 kFpsrMask = 0x0fffffff;

static_assert(sizeof(OracleState) == 8 * 34 + 16 + 512);
static_assert(sizeof(State::v) == sizeof(OracleState::v));
static_assert(kOracleCode == kCodeVa && kOracleMemory == kMemoryVa && kOracleMemoryBytes == kMemoryBytes);

void to_wire(OracleState& w, const State& s) {
  std::memcpy(w.x, s.x, sizeof w.x);
  w.sp = s.x[31];
  w.pc = w.far = 0;
  w.nzcv = cpu::nzcv_to_arch(s.nzcv);
  w.fpcr = s.fpcr;
  w.fpsr = s.fpsr;
  w.signal = 0;
  std::memcpy(w.v, s.v, sizeof w.v);
}

Error host_error(const char* what) { return Error{fmt::format("oracle: no {}: {}", what, std::strerror(errno))}; }

// Descriptors that close themselves.
struct Descriptor {
  int fd = -1;
  ~Descriptor() {
    if (fd >= 0) close(fd);
  }
  int take() { return std::exchange(fd, -1); }
};

}  // namespace

Result<std::unique_ptr<Oracle>> Oracle::start(const std::vector<std::string>& command, int patience_ms) {
  std::unique_ptr<Oracle> oracle(new Oracle());
  oracle->program_ = command[0];
  oracle->patience_ms_ = patience_ms;
  Descriptor to[2], from[2], shared;
  int pair[2];
  for (auto* pipe : {to, from}) {
    if (pipe2(pair, O_CLOEXEC) != 0) return host_error("pipe");
    pipe[0].fd = pair[0];
    pipe[1].fd = pair[1];
  }
  shared.fd = memfd_create("oracle", MFD_CLOEXEC);
  if (shared.fd < 0 || ftruncate(shared.fd, sizeof(OracleShared)) != 0) return host_error("shared file");
  void* const map = mmap(nullptr, sizeof(OracleShared), PROT_READ | PROT_WRITE, MAP_SHARED, shared.fd, 0);
  if (map == MAP_FAILED) return host_error("shared memory");
  oracle->shared_ = static_cast<OracleShared*>(map);

  std::vector<char*> arguments;
  arguments.reserve(command.size() + 1);
  for (const std::string& a : command) arguments.push_back(const_cast<char*>(a.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  // In this order: none of the sources is below the descriptors that are made.
  Descriptor high[3];
  const int sources[3] = {to[0].fd, from[1].fd, shared.fd};
  for (int i = 0; i < 3; ++i) high[i].fd = fcntl(sources[i], F_DUPFD_CLOEXEC, 10);
  posix_spawn_file_actions_adddup2(&actions, high[0].fd, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, high[1].fd, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, high[2].fd, kSharedDescriptor);
  pid_t process = 0;
  const int error = posix_spawnp(&process, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return Error{fmt::format("{}: cannot be started: {}", command[0], std::strerror(error))};
  signal(SIGPIPE, SIG_IGN);
  oracle->process_ = process;
  oracle->to_ = to[1].take();
  oracle->from_ = from[0].take();
  for (Descriptor* d : {&to[0], &from[1], &high[0], &high[1]}) close(d->take());
  auto letter = oracle->wait();
  if (!letter) return letter.error();
  if (*letter != kOracleHello && *letter != kOracleHelloInexact) return oracle->nonsense(*letter);
  oracle->exact_faults_ = *letter == kOracleHello;
  return oracle;
}

Oracle::~Oracle() {
  if (to_ >= 0) close(to_);
  if (from_ >= 0) close(from_);
  if (process_ != 0) {
    // End of file ends it; one that does not see that is ended.
    for (int i = 0; i < 100 && waitpid(process_, nullptr, WNOHANG) == 0; ++i) {
      usleep(1000);
      if (i == 99) {
        kill(process_, SIGKILL);
        waitpid(process_, nullptr, 0);
      }
    }
  }
  if (shared_ != nullptr) munmap(shared_, sizeof(OracleShared));
}

// Why it has gone.
Error Oracle::gone() {
  int status = 0;
  const pid_t process = std::exchange(process_, 0);
  if (process == 0) return Error{fmt::format("{}: the oracle has ended before", program_)};
  for (int i = 0; i < 200 && waitpid(process, &status, WNOHANG) == 0; ++i) {
    if (i == 199) {
      kill(process, SIGKILL);
      waitpid(process, &status, 0);
    }
    usleep(10'000);
  }
  if (WIFSIGNALED(status))
    return Error{fmt::format("{}: the oracle was ended by signal {} ({}), expected an answer", program_,
                             WTERMSIG(status), strsignal(WTERMSIG(status)))};
  return Error{fmt::format("{}: the oracle ended with status {}, expected an answer", program_, WEXITSTATUS(status))};
}

Error Oracle::nonsense(char letter) const {
  return Error{
      fmt::format("{}: answers with byte {:02x}, expected an oracle of this ferry", program_, static_cast<u8>(letter))};
}

Result<char> Oracle::wait() {
  pollfd source{from_, POLLIN, 0};
  int ready = 0;
  do ready = poll(&source, 1, patience_ms_);
  while (ready < 0 && errno == EINTR);
  if (ready == 0) {
    kill(process_, SIGKILL);
    waitpid(std::exchange(process_, 0), nullptr, 0);
    return Error{fmt::format("{}: the oracle did not answer within {} s", program_, patience_ms_ / 1000)};
  }
  char got = 0;
  if (read(from_, &got, 1) != 1) return gone();
  return got;
}

Status Oracle::run(std::span<const u32> words, std::span<const OracleCase> cases, bool memory) {
  ASSERT(!words.empty() && words.size() <= kOracleMaxWords, "the oracle takes one word to kOracleMaxWords");
  ASSERT(cases.size() <= kMaxCases, "the oracle takes kMaxCases at a time");
  if (process_ == 0) return gone();
  OracleRequest& request = shared_->request;
  request.version = kOracleVersion;
  request.words = static_cast<u32>(words.size());
  request.states = static_cast<u32>(cases.size());
  request.memory = memory ? 1 : 0;
  memory_ = memory;
  std::memcpy(request.word, words.data(), 4 * words.size());
  for (usize i = 0; i < cases.size(); ++i) {
    to_wire(shared_->state[i], cases[i].state);
    if (memory) std::memcpy(shared_->window[i], cases[i].window.data(), kWindowBytes);
  }
  const char go = kOracleGo;
  if (write(to_, &go, 1) != 1) return gone();
  auto letter = wait();
  if (!letter) return letter.error();
  return *letter == kOracleDone ? Status() : nonsense(*letter);
}

OracleReply Oracle::reply(usize index) const {
  const OracleState& w = shared_->state[index];
  OracleReply r;
  std::memcpy(r.state.x, w.x, sizeof w.x);
  r.state.x[31] = w.sp;
  r.state.pc = w.pc;
  r.state.nzcv = cpu::nzcv_from_arch(w.nzcv);
  r.state.fpcr = w.fpcr;
  r.state.fpsr = w.fpsr & kFpsrMask;
  std::memcpy(r.state.v, w.v, sizeof r.state.v);
  r.window = memory_ ? shared_->window[index] : nullptr;
  r.signal = w.signal;
  return r;
}

bool Oracle::agrees(usize index, const State& s, u64 end) const {
  const OracleState& w = shared_->state[index];
  return w.signal == kOracleSigtrap && w.pc == end && s.pc == end && std::memcmp(s.x, w.x, sizeof w.x) == 0 &&
         s.x[31] == w.sp && std::memcmp(s.v, w.v, sizeof s.v) == 0 && cpu::nzcv_to_arch(s.nzcv) == w.nzcv &&
         s.fpcr == w.fpcr && s.fpsr == (w.fpsr & kFpsrMask);
}

}  // namespace ferry::verify
