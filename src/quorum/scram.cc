#include "quorum/scram.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <charconv>
#include <map>

#include "base/check.h"

namespace weir::quorum {
namespace {

std::unexpected<Error> wrong(std::string_view argument, std::string_view why) {
  return fail(Errc::kInvalidArgument, fmt::format("--add-scram {}: {}", argument, why));
}

const EVP_MD* digest_of(ScramMechanism mechanism) {
  return mechanism == ScramMechanism::kSha256 ? EVP_sha256() : EVP_sha512();
}

ByteVector salted_password(ScramMechanism mechanism, std::string_view password, ByteView salt, int32_t iterations) {
  const EVP_MD* digest = digest_of(mechanism);
  ByteVector key(static_cast<size_t>(EVP_MD_get_size(digest)));
  const int done =
      PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()), salt.data(), static_cast<int>(salt.size()),
                        iterations, digest, static_cast<int>(key.size()), key.data());
  CHECK(done == 1);
  return key;
}

ByteVector hmac(ScramMechanism mechanism, ByteView key, std::string_view text) {
  ByteVector result(EVP_MAX_MD_SIZE);
  unsigned size = 0;
  const auto* done = HMAC(digest_of(mechanism), key.data(), static_cast<int>(key.size()), as_bytes(text).data(),
                          text.size(), result.data(), &size);
  CHECK(done != nullptr);
  result.resize(size);
  return result;
}

ByteVector hash(ScramMechanism mechanism, ByteView bytes) {
  ByteVector result(EVP_MAX_MD_SIZE);
  unsigned size = 0;
  CHECK(EVP_Digest(bytes.data(), bytes.size(), result.data(), &size, digest_of(mechanism), nullptr) == 1);
  result.resize(size);
  return result;
}

std::optional<ByteVector> from_base64(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0) return std::nullopt;
  ByteVector bytes(text.size() / 4 * 3);
  const int size = EVP_DecodeBlock(bytes.data(), as_bytes(text).data(), static_cast<int>(text.size()));
  if (size < 0) return std::nullopt;
  const size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  bytes.resize(static_cast<size_t>(size) - padding);
  return bytes;
}

std::string_view unquoted(std::string_view text) {
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') return text.substr(1, text.size() - 2);
  return text;
}

// "name=alice,password=secret"; a value may stand in quotation marks.
std::map<std::string_view, std::string_view> parse_fields(std::string_view text) {
  std::map<std::string_view, std::string_view> fields;
  while (!text.empty()) {
    const size_t equals = std::min(text.find('='), text.size());
    const std::string_view name = text.substr(0, equals);
    text.remove_prefix(std::min(equals + 1, text.size()));
    const size_t quote = text.starts_with('"') ? text.find('"', 1) : std::string_view::npos;
    const size_t end = std::min(text.find(',', quote == std::string_view::npos ? 0 : quote), text.size());
    fields[name] = unquoted(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return fields;
}

ByteVector random_salt(Random& random) {
  ByteVector salt(16);
  for (size_t i = 0; i < salt.size(); i += 8) store_be(salt.data() + i, random.next());
  return salt;
}

}  // namespace

protocol::UserScramCredentialRecord StoredCredential::record() const {
  return {.name = user,
          .mechanism = static_cast<int8_t>(mechanism),
          .salt = salt,
          .stored_key = stored_key,
          .server_key = server_key,
          .iterations = iterations};
}

StoredCredential credential_of(std::string user, ScramMechanism mechanism, ByteView salt, ByteView salted_password,
                               int32_t iterations) {
  return {.user = std::move(user),
          .mechanism = mechanism,
          .salt = to_vector(salt),
          .stored_key = hash(mechanism, hmac(mechanism, salted_password, "Client Key")),
          .server_key = hmac(mechanism, salted_password, "Server Key"),
          .iterations = iterations};
}

Result<StoredCredential> parse_scram_argument(std::string_view argument, Random& random) {
  const size_t equals = argument.find('=');
  if (equals == std::string_view::npos || !argument.substr(equals + 1).starts_with('[') || !argument.ends_with(']')) {
    return wrong(argument, "it is not of the form MECHANISM=[name=..,password=..]");
  }
  const std::string_view name = argument.substr(0, equals);
  if (name != "SCRAM-SHA-256" && name != "SCRAM-SHA-512") {
    return wrong(argument, "the mechanisms are SCRAM-SHA-256 and SCRAM-SHA-512");
  }
  const ScramMechanism mechanism = name == "SCRAM-SHA-256" ? ScramMechanism::kSha256 : ScramMechanism::kSha512;
  auto fields = parse_fields(argument.substr(equals + 2, argument.size() - equals - 3));
  const auto take = [&](std::string_view name) {
    const auto node = fields.extract(name);
    return node ? std::optional(node.mapped()) : std::nullopt;
  };
  const auto user = take("name");
  const auto password = take("password");
  const auto salted = take("saltedpassword");
  const auto salt = take("salt");
  const auto iterations = take("iterations");
  if (!fields.empty()) return wrong(argument, fmt::format("there is no field {}", fields.begin()->first));
  if (!user || user->empty()) return wrong(argument, "it has no name");
  if (password.has_value() == salted.has_value()) return wrong(argument, "it needs a password or a saltedpassword");
  if (salted && !salt) return wrong(argument, "a saltedpassword needs its salt");
  int32_t count = kScramIterationsMin;
  if (iterations) {
    const auto parsed = std::from_chars(iterations->data(), iterations->data() + iterations->size(), count);
    if (parsed.ec != std::errc() || count < kScramIterationsMin || count > kScramIterationsMax) {
      return wrong(argument, fmt::format("iterations are from {} to {}", kScramIterationsMin, kScramIterationsMax));
    }
  }
  const auto given_salt = salt ? from_base64(*salt) : std::optional(random_salt(random));
  if (!given_salt) return wrong(argument, "the salt is not base64");
  const auto key =
      salted ? from_base64(*salted) : std::optional(salted_password(mechanism, *password, *given_salt, count));
  if (!key) return wrong(argument, "the saltedpassword is not base64");
  return credential_of(std::string(*user), mechanism, *given_salt, *key, count);
}

}  // namespace weir::quorum
