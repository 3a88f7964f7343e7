"""What the service answers, as frozen values."""

from seeclickfix_async.models.comment import Comment as Comment
from seeclickfix_async.models.comment import CommentedIssue as CommentedIssue
from seeclickfix_async.models.common import Avatar as Avatar
from seeclickfix_async.models.common import Link as Link
from seeclickfix_async.models.common import Media as Media
from seeclickfix_async.models.common import Pagination as Pagination
from seeclickfix_async.models.common import Point as Point
from seeclickfix_async.models.common import Time as Time
from seeclickfix_async.models.discussion import PlaceAnswer as PlaceAnswer
from seeclickfix_async.models.discussion import PlaceQuestion as PlaceQuestion
from seeclickfix_async.models.draft import Draft as Draft
from seeclickfix_async.models.email import Email as Email
from seeclickfix_async.models.form import RequestType as RequestType
from seeclickfix_async.models.form import RequestTypeOption as RequestTypeOption
from seeclickfix_async.models.issue import Actions as Actions
from seeclickfix_async.models.issue import DetailedIssue as DetailedIssue
from seeclickfix_async.models.issue import Integration as Integration
from seeclickfix_async.models.issue import Issue as Issue
from seeclickfix_async.models.issue import QuestionAnswer as QuestionAnswer
from seeclickfix_async.models.issue import Relationship as Relationship
from seeclickfix_async.models.issue import RequestTypeRef as RequestTypeRef
from seeclickfix_async.models.issue import Vote as Vote
from seeclickfix_async.models.open311 import Discovery as Discovery
from seeclickfix_async.models.open311 import Endpoint as Endpoint
from seeclickfix_async.models.open311 import Service as Service
from seeclickfix_async.models.open311 import ServiceAttribute as ServiceAttribute
from seeclickfix_async.models.open311 import ServiceDefinition as ServiceDefinition
from seeclickfix_async.models.open311 import ServiceRequest as ServiceRequest
from seeclickfix_async.models.open311 import ServiceRequestState as ServiceRequestState
from seeclickfix_async.models.open311 import Submission as Submission
from seeclickfix_async.models.organization import InternalComment as InternalComment
from seeclickfix_async.models.organization import Member as Member
from seeclickfix_async.models.organization import Mention as Mention
from seeclickfix_async.models.organization import Organization as Organization
from seeclickfix_async.models.organization import OrganizationComment as OrganizationComment
from seeclickfix_async.models.organization import OrganizationIssue as OrganizationIssue
from seeclickfix_async.models.organization import (
    OrganizationServiceRequest as OrganizationServiceRequest,
)
from seeclickfix_async.models.organization import Priority as Priority
from seeclickfix_async.models.organization import ServiceRequestStatus as ServiceRequestStatus
from seeclickfix_async.models.organization import Transition as Transition
from seeclickfix_async.models.outcome import Created as Created
from seeclickfix_async.models.outcome import Moderated as Moderated
from seeclickfix_async.models.place import Place as Place
from seeclickfix_async.models.place import PlaceAvatar as PlaceAvatar
from seeclickfix_async.models.question import Choice as Choice
from seeclickfix_async.models.question import Question as Question
from seeclickfix_async.models.question import QuestionType as QuestionType
from seeclickfix_async.models.status import Status as Status
from seeclickfix_async.models.user import Permissions as Permissions
from seeclickfix_async.models.user import User as User
from seeclickfix_async.models.user import UserRef as UserRef
