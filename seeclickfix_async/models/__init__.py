"""The objects that the service returns, as frozen attrs classes."""

from seeclickfix_async._core.public_names import publish
from seeclickfix_async.models._answer_encoding import Answer as Answer
from seeclickfix_async.models._comment import Comment as Comment
from seeclickfix_async.models._comment import CommentedIssue as CommentedIssue
from seeclickfix_async.models._common import Avatar as Avatar
from seeclickfix_async.models._common import Link as Link
from seeclickfix_async.models._common import Media as Media
from seeclickfix_async.models._common import Pagination as Pagination
from seeclickfix_async.models._common import Point as Point
from seeclickfix_async.models._common import Time as Time
from seeclickfix_async.models._draft import Draft as Draft
from seeclickfix_async.models._email import Email as Email
from seeclickfix_async.models._issue import Actions as Actions
from seeclickfix_async.models._issue import DetailedIssue as DetailedIssue
from seeclickfix_async.models._issue import Integration as Integration
from seeclickfix_async.models._issue import Issue as Issue
from seeclickfix_async.models._issue import QuestionAnswer as QuestionAnswer
from seeclickfix_async.models._issue import Relationship as Relationship
from seeclickfix_async.models._issue import RequestTypeRef as RequestTypeRef
from seeclickfix_async.models._issue import Vote as Vote
from seeclickfix_async.models._open311 import Discovery as Discovery
from seeclickfix_async.models._open311 import Endpoint as Endpoint
from seeclickfix_async.models._open311 import Service as Service
from seeclickfix_async.models._open311 import ServiceAttribute as ServiceAttribute
from seeclickfix_async.models._open311 import ServiceDefinition as ServiceDefinition
from seeclickfix_async.models._open311 import ServiceRequest as ServiceRequest
from seeclickfix_async.models._open311 import ServiceRequestState as ServiceRequestState
from seeclickfix_async.models._open311 import Submission as Submission
from seeclickfix_async.models._organization import InternalComment as InternalComment
from seeclickfix_async.models._organization import Member as Member
from seeclickfix_async.models._organization import Mention as Mention
from seeclickfix_async.models._organization import Organization as Organization
from seeclickfix_async.models._organization import OrganizationComment as OrganizationComment
from seeclickfix_async.models._organization import OrganizationIssue as OrganizationIssue
from seeclickfix_async.models._organization import (
    OrganizationServiceRequest as OrganizationServiceRequest,
)
from seeclickfix_async.models._organization import Priority as Priority
from seeclickfix_async.models._organization import ServiceRequestStatus as ServiceRequestStatus
from seeclickfix_async.models._organization import Transition as Transition
from seeclickfix_async.models._outcomes import Created as Created
from seeclickfix_async.models._outcomes import Moderated as Moderated
from seeclickfix_async.models._place import Place as Place
from seeclickfix_async.models._place import PlaceAvatar as PlaceAvatar
from seeclickfix_async.models._place_question import PlaceAnswer as PlaceAnswer
from seeclickfix_async.models._place_question import PlaceQuestion as PlaceQuestion
from seeclickfix_async.models._question import Choice as Choice
from seeclickfix_async.models._question import Question as Question
from seeclickfix_async.models._question import QuestionType as QuestionType
from seeclickfix_async.models._request_type import RequestType as RequestType
from seeclickfix_async.models._request_type import RequestTypeId as RequestTypeId
from seeclickfix_async.models._request_type import RequestTypeOption as RequestTypeOption
from seeclickfix_async.models._status import Status as Status
from seeclickfix_async.models._unverified import BulletinBoard as BulletinBoard
from seeclickfix_async.models._unverified import Notice as Notice
from seeclickfix_async.models._user import Permissions as Permissions
from seeclickfix_async.models._user import User as User
from seeclickfix_async.models._user import UserRef as UserRef

__all__ = [
    "Actions",
    "Answer",
    "Avatar",
    "BulletinBoard",
    "Choice",
    "Comment",
    "CommentedIssue",
    "Created",
    "DetailedIssue",
    "Discovery",
    "Draft",
    "Email",
    "Endpoint",
    "Integration",
    "InternalComment",
    "Issue",
    "Link",
    "Media",
    "Member",
    "Mention",
    "Moderated",
    "Notice",
    "Organization",
    "OrganizationComment",
    "OrganizationIssue",
    "OrganizationServiceRequest",
    "Pagination",
    "Permissions",
    "Place",
    "PlaceAnswer",
    "PlaceAvatar",
    "PlaceQuestion",
    "Point",
    "Priority",
    "Question",
    "QuestionAnswer",
    "QuestionType",
    "Relationship",
    "RequestType",
    "RequestTypeId",
    "RequestTypeOption",
    "RequestTypeRef",
    "Service",
    "ServiceAttribute",
    "ServiceDefinition",
    "ServiceRequest",
    "ServiceRequestState",
    "ServiceRequestStatus",
    "Status",
    "Submission",
    "Time",
    "Transition",
    "User",
    "UserRef",
    "Vote",
]

publish(__name__, [globals()[name] for name in __all__])
