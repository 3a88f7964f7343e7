"""What the service answers, as frozen values."""

from seeclickfix_async.models.comment import Comment as Comment
from seeclickfix_async.models.comment import CommentedIssue as CommentedIssue
from seeclickfix_async.models.common import Avatar as Avatar
from seeclickfix_async.models.common import Link as Link
from seeclickfix_async.models.common import Media as Media
from seeclickfix_async.models.common import Pagination as Pagination
from seeclickfix_async.models.common import Point as Point
from seeclickfix_async.models.common import Time as Time
from seeclickfix_async.models.issue import Actions as Actions
from seeclickfix_async.models.issue import DetailedIssue as DetailedIssue
from seeclickfix_async.models.issue import Integration as Integration
from seeclickfix_async.models.issue import Issue as Issue
from seeclickfix_async.models.issue import QuestionAnswer as QuestionAnswer
from seeclickfix_async.models.issue import Relationship as Relationship
from seeclickfix_async.models.issue import RequestTypeRef as RequestTypeRef
from seeclickfix_async.models.issue import Vote as Vote
from seeclickfix_async.models.outcome import Moderated as Moderated
from seeclickfix_async.models.place import Place as Place
from seeclickfix_async.models.place import PlaceAvatar as PlaceAvatar
from seeclickfix_async.models.status import Status as Status
from seeclickfix_async.models.user import Permissions as Permissions
from seeclickfix_async.models.user import User as User
from seeclickfix_async.models.user import UserRef as UserRef
