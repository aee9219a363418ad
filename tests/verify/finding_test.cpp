// That a wrong tier is found, shrunk and told: the tool is tried on faults of known kinds.
#include "cpu/models.h"
#include "tests/catch.h"
#include "verify/campaign.h"

using namespace ferry;
using namespace ferry::verify;

namespace {

const cpu::Model& model() { return **cpu::find_model("cortex-a57"); }

using Fault = void (*)(ir::Inst&);

// The interpreter, on IR whose instructions a fault has gone through.
class WrongRunner final : public Runner {
 public:
  explicit WrongRunner(Fault fault) : fault_(fault) {}
  std::string_view name() const override { return "wrong"; }
  void rest() override { blocks_.clear(); }
  Prepared prepare(const ir::Block& block) override {
    blocks_.push_back(std::make_unique<ir::Block>(block));
    for (ir::Inst& i : blocks_.back()->insts) fault_(i);
    return {blocks_.back().get(), sizeof(ir::Block)};
  }
  jit::ExitReason run(cpu::CpuState& s, const ir::Block&, const void* code) override {
    return interpreter_->run(s, *static_cast<const ir::Block*>(code), nullptr);
  }

 private:
  Fault fault_;
  std::vector<std::unique_ptr<ir::Block>> blocks_;
  std::unique_ptr<Runner> interpreter_ = interpreter_runner();
};

template <ir::Op From, ir::Op To>
void replace(ir::Inst& i) {
  if (i.op == From) i.op = To;
}
void store_address(ir::Inst& i) {
  if (i.op == ir::Op::Store && i.type == ir::Type::I64) i.args[1] = i.args[0];
}

std::string host_text(const void*, usize) { return "HOST CODE\n"; }

// The first finding in so many sequences of the class.
std::optional<Finding> find(Class c, Fault fault, std::string* text = nullptr) {
  WrongRunner wrong(fault);
  const auto interpreter = interpreter_runner();
  const auto checker = against_runner(wrong, *interpreter, {});
  Campaign campaign(*checker, c, 3, model(), host_text);
  for (u64 n = 0; n < 500; ++n) {
    auto finding = campaign.run(n, 64);
    REQUIRE(finding.ok());
    if (!*finding) continue;
    if (text != nullptr) *text = report(**finding, *checker, {}, "ferry verify --sequence 1");
    return std::move(**finding);
  }
  return std::nullopt;
}

unsigned registers_that_count(const OracleCase& c) {
  unsigned n = 0;
  for (const u64 x : c.state.x) n += x != 0 ? 1 : 0;
  for (const U128& v : c.state.v) n += (v.lo | v.hi) != 0 ? 1 : 0;
  return n;
}

}  // namespace

TEST_CASE("a wrong op is found and shrunk to one instruction and its operands") {
  for (const auto& [c, fault] : {std::pair<Class, Fault>{Class::Register, replace<ir::Op::Xor, ir::Op::Or>},
                                 {Class::Immediate, replace<ir::Op::Add, ir::Op::Sub>},
                                 {Class::Simd, replace<ir::Op::VAdd, ir::Op::VSub>},
                                 {Class::Mixed, replace<ir::Op::Add, ir::Op::Sub>}}) {
    INFO(name(c));
    const auto found = find(c, fault);
    REQUIRE(found);
    CHECK(found->sequence.words.size() == 1);
    CHECK(registers_that_count(found->culprit) <= 3);
    CHECK(found->culprit.state.fpsr == 0);
  }
}

TEST_CASE("a wrong store is found in memory") {
  const auto found = find(Class::LoadStore, store_address);
  REQUIRE(found);
  CHECK(found->sequence.words.size() == 1);
  CHECK(found->difference.other.find("* memory 2000") == 0);
}

TEST_CASE("the report holds the listing, starred registers, IR, host code and the command") {
  std::string text;
  REQUIRE(find(Class::Register, replace<ir::Op::Xor, ir::Op::Or>, &text));
  for (const char* part :
       {"wrong against interpreter: a difference\n", "eo", "\n* x", "before", "IR as translated\n", "Xor.",
        "IR after the passes", "host code\nHOST CODE\n", "again: ferry verify --sequence 1\n"}) {
    INFO(text);
    CHECK(text.find(part) != std::string::npos);
  }
}

TEST_CASE("the same twice is no difference") {
  const auto interpreter = interpreter_runner();
  const auto checker = against_runner(*interpreter, *interpreter, {});
  for (const ClassInfo& c : classes()) {
    if (is_program(c.which)) continue;
    Campaign campaign(*checker, c.which, 3, model(), nullptr);
    for (u64 n = 0; n < 20; ++n) {
      auto finding = campaign.run(n, 16);
      REQUIRE(finding.ok());
      CHECK(!*finding);
    }
    CHECK(campaign.counts().sequences == 20);
    CHECK(campaign.counts().cases == 320);
  }
}

TEST_CASE("distinct words are counted once") {
  DistinctWords words;
  for (u32 i = 0; i < 3; ++i)
    for (u32 w = 0; w < 1000; ++w) words.add(w * 0x10001);
  CHECK(words.count() <= 1000);
  CHECK(words.count() > 990);
}

TEST_CASE("an oracle that is missing, ends or hangs is an error") {
  const auto message = [](std::vector<std::string> command) {
    auto oracle = Oracle::start(command, 200);
    REQUIRE(!oracle.ok());
    return oracle.error().message;
  };
  CHECK(message({"/nonexistent/oracle"}).find("/nonexistent/oracle: cannot be started") == 0);
  CHECK(message({"false"}).find("false: the oracle ended with status 1") == 0);
  CHECK(message({"sh", "-c", "kill -SEGV $$"}).find("ended by signal 11") != std::string::npos);
  CHECK(message({"sleep", "5"}).find("did not answer") != std::string::npos);
  CHECK(message({"echo", "hello"}).find("expected an oracle of this ferry") != std::string::npos);
}
