// OffsetFetch has two layouts: one group at the top level (versions 0-7) and a list of groups (8 and above). The
// coordinator knows groups only; these translate for the handler. Stateless; any thread.
#pragma once

#include <vector>

#include "broker/group/owned.h"
#include "protocol/error_code.h"
#include "protocol/messages/offset_fetch_request.h"
#include "protocol/messages/offset_fetch_response.h"

namespace weir::broker {

// The groups that a request of any version asks for. Views into the request.
std::vector<protocol::OffsetFetchRequest::OffsetFetchRequestGroup> groups_of(
    const protocol::OffsetFetchRequest& request, int16_t version);

// A group's answer that is nothing but an error; the coordinators give it themselves, handlers where they have no
// coordinator.
Owned<protocol::OffsetFetchResponse::OffsetFetchResponseGroup> offset_fetch_error(
    const protocol::OffsetFetchRequest::OffsetFetchRequestGroup& group, int16_t version, protocol::ErrorCode error);

// The response of the request's version from its groups' answers, in the order of groups_of().
Owned<protocol::OffsetFetchResponse> offset_fetch_response(
    std::vector<Owned<protocol::OffsetFetchResponse::OffsetFetchResponseGroup>> groups, int16_t version);

}  // namespace weir::broker
