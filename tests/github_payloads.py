"""Answers of GitHub's REST API, field by field, from the values in ``github_data``.

``api`` is the address below which they were asked for, ``site`` that of the pages for people; neither ends in a slash.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from typing import Any
from urllib.parse import quote

from tests.github_data import Comment, Happening, Release, Repo, Review, Thread, sha_of

Json = dict[str, Any]

_REPO_TEMPLATES = {
    "archive": "/{archive_format}{/ref}",
    "assignees": "/assignees{/user}",
    "blobs": "/git/blobs{/sha}",
    "branches": "/branches{/branch}",
    "collaborators": "/collaborators{/collaborator}",
    "comments": "/comments{/number}",
    "commits": "/commits{/sha}",
    "compare": "/compare/{base}...{head}",
    "contents": "/contents/{+path}",
    "contributors": "/contributors",
    "deployments": "/deployments",
    "downloads": "/downloads",
    "events": "/events",
    "forks": "/forks",
    "git_commits": "/git/commits{/sha}",
    "git_refs": "/git/refs{/sha}",
    "git_tags": "/git/tags{/sha}",
    "hooks": "/hooks",
    "issue_comment": "/issues/comments{/number}",
    "issue_events": "/issues/events{/number}",
    "issues": "/issues{/number}",
    "keys": "/keys{/key_id}",
    "labels": "/labels{/name}",
    "languages": "/languages",
    "merges": "/merges",
    "milestones": "/milestones{/number}",
    "notifications": "/notifications{?since,all,participating}",
    "pulls": "/pulls{/number}",
    "releases": "/releases{/id}",
    "stargazers": "/stargazers",
    "statuses": "/statuses/{sha}",
    "subscribers": "/subscribers",
    "subscription": "/subscription",
    "tags": "/tags",
    "teams": "/teams",
    "trees": "/git/trees{/sha}",
}
_REACTIONS = ("+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes")


def stamp(at: datetime | None) -> str | None:
    """A time as GitHub writes it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if at else None


def _node(kind: str, id: int) -> str:
    return f"{kind}_{base64.urlsafe_b64encode(id.to_bytes(12, 'big')).decode().rstrip('=')}"


@lru_cache(maxsize=1024)
def _user(login: str, api: str, site: str) -> Json:
    id = int(sha_of(login)[:7], 16)
    path = quote(login, errors="replace")
    own = f"{api}/users/{path}"
    pages = {
        "followers": "/followers",
        "following": "/following{/other_user}",
        "gists": "/gists{/gist_id}",
        "starred": "/starred{/owner}{/repo}",
        "subscriptions": "/subscriptions",
        "organizations": "/orgs",
        "repos": "/repos",
        "events": "/events{/privacy}",
        "received_events": "/received_events",
    }
    return {
        "login": login,
        "id": id,
        "node_id": _node("U", id),
        "avatar_url": f"https://avatars.githubusercontent.com/u/{id}?v=4",
        "gravatar_id": "",
        "url": own,
        "html_url": f"{site}/{path}",
        **{f"{page}_url": own + rest for page, rest in pages.items()},
        "type": "Bot" if login.endswith("[bot]") else "User",
        "user_view_type": "public",
        "site_admin": False,
    }


@dataclass(frozen=True)
class Payloads:
    """Writes what a request below one address gets."""

    repo: Repo
    api: str
    site: str

    @property
    def url(self) -> str:
        return f"{self.api}/repos/{self.repo.name}"

    @property
    def html(self) -> str:
        return f"{self.site}/{self.repo.name}"

    def user(self, login: str | None) -> Json | None:
        return None if login is None else _user(login, self.api, self.site)

    @cached_property
    def repository(self) -> Json:
        repo = self.repo
        owner, _, name = repo.name.partition("/")
        threads = repo.threads.values()
        open_count = sum(thread.state == "open" for thread in threads)
        changed = stamp(max((thread.updated for thread in threads), default=repo.created))
        return {
            "id": repo.id,
            "node_id": _node("R", repo.id),
            "name": name,
            "full_name": repo.name,
            "private": repo.private,
            "owner": self.user(owner),
            "html_url": self.html,
            "description": None,
            "fork": False,
            "url": self.url,
            **{f"{part}_url": self.url + rest for part, rest in _REPO_TEMPLATES.items()},
            "created_at": stamp(repo.created),
            "updated_at": changed,
            "pushed_at": changed,
            "git_url": f"git://github.com/{repo.name}.git",
            "ssh_url": f"git@github.com:{repo.name}.git",
            "clone_url": f"{self.html}.git",
            "svn_url": self.html,
            "mirror_url": None,
            "homepage": None,
            "language": None,
            "license": None,
            "topics": [],
            "visibility": "private" if repo.private else "public",
            "default_branch": "main",
            "has_issues": repo.has_issues,
            **dict.fromkeys(("has_pull_requests", "has_projects", "has_downloads", "has_wiki", "allow_forking"), True),
            **dict.fromkeys(("has_pages", "has_discussions", "archived", "disabled", "is_template"), False),
            "web_commit_signoff_required": False,
            **dict.fromkeys(("size", "forks", "forks_count", "network_count", "subscribers_count"), 0),
            **dict.fromkeys(("stargazers_count", "watchers", "watchers_count"), 0),
            **dict.fromkeys(("open_issues", "open_issues_count"), open_count),
        }

    def issue(self, thread: Thread, *, single: bool = False) -> Json:
        """An issue, or a pull request as it stands among the issues; ``single``: asked for by its number."""
        own = f"{self.url}/issues/{thread.number}"
        page = f"{self.html}/{'pull' if thread.is_pull else 'issues'}/{thread.number}"
        found = {
            "url": own,
            "repository_url": self.url,
            "labels_url": f"{own}/labels{{/name}}",
            "comments_url": f"{own}/comments",
            "events_url": f"{own}/events",
            "html_url": page,
            "id": thread.id,
            "node_id": _node("PR" if thread.is_pull else "I", thread.id),
            **self._common(thread),
            "comments": len(thread.comments),
            "author_association": "CONTRIBUTOR",
            "reactions": self._reactions(own),
            "timeline_url": f"{own}/timeline",
            "performed_via_github_app": None,
            "state_reason": thread.state_reason,
        }
        if thread.is_pull:
            pull = f"{self.url}/pulls/{thread.number}"
            found["draft"] = thread.draft
            found["pull_request"] = {
                "url": pull,
                "html_url": page,
                "diff_url": f"{page}.diff",
                "patch_url": f"{page}.patch",
                "merged_at": stamp(thread.merged),
            }
        if single:
            found["closed_by"] = self.user(thread.user) if thread.closed else None
        return found | dict(thread.raw)

    def pull(self, thread: Thread, *, single: bool = False) -> Json:
        """A pull request as the endpoints of pull requests give it; ``single``: with what the listing lacks."""
        own = f"{self.url}/pulls/{thread.number}"
        issue = f"{self.url}/issues/{thread.number}"
        page = f"{self.html}/pull/{thread.number}"
        head_sha = sha_of(f"{self.repo.id} head {thread.number}")
        id = thread.id + 5_000_000  # a pull request's own id is not that of its issue
        urls = {
            "html": page,
            "issue": issue,
            "comments": f"{issue}/comments",
            "review_comments": f"{own}/comments",
            "review_comment": f"{self.url}/pulls/comments{{/number}}",
            "commits": f"{own}/commits",
            "statuses": f"{self.url}/statuses/{head_sha}",
        }
        found = {
            "url": own,
            "id": id,
            "node_id": _node("PR", id),
            "diff_url": f"{page}.diff",
            "patch_url": f"{page}.patch",
            **{f"{part}_url": url for part, url in urls.items()},
            **self._common(thread),
            "merged_at": stamp(thread.merged),
            # Of an open one GitHub names the commit of a merge that it tried: no sign that it was merged.
            "merge_commit_sha": thread.merge_sha or sha_of(f"{self.repo.id} tried {thread.number}"),
            "requested_reviewers": [],
            "requested_teams": [],
            "draft": thread.draft,
            "head": self._end(thread.head, head_sha),
            "base": self._end(thread.base, sha_of(f"{self.repo.id} base {thread.number}")),
            "_links": {"self": {"href": own}, **{part: {"href": url} for part, url in urls.items()}},
            "author_association": "CONTRIBUTOR",
            "auto_merge": None,
        }
        if single:
            found |= self._counts(thread)
        return found | dict(thread.raw)

    def comment(self, thread: Thread, comment: Comment) -> Json:
        own = f"{self.url}/issues/comments/{comment.id}"
        page = f"{self.html}/{'pull' if thread.is_pull else 'issues'}/{thread.number}"
        return {
            "url": own,
            "html_url": f"{page}#issuecomment-{comment.id}",
            "issue_url": f"{self.url}/issues/{thread.number}",
            "id": comment.id,
            "node_id": _node("IC", comment.id),
            "user": self.user(comment.user),
            "created_at": stamp(comment.at),
            "updated_at": stamp(comment.updated),
            "author_association": "CONTRIBUTOR",
            "body": comment.text,
            "reactions": self._reactions(own),
            "performed_via_github_app": None,
        }

    def review(self, thread: Thread, review: Review) -> Json:
        pull = f"{self.url}/pulls/{thread.number}"
        page = f"{self.html}/pull/{thread.number}#pullrequestreview-{review.id}"
        found = {
            "id": review.id,
            "node_id": _node("PRR", review.id),
            "user": self.user(review.user),
            "body": review.text,
            "state": review.state,
            "html_url": page,
            "pull_request_url": pull,
            "author_association": "CONTRIBUTOR",
            "_links": {"html": {"href": page}, "pull_request": {"href": pull}},
            "commit_id": sha_of(f"{self.repo.id} head {thread.number}"),
        }
        return found if review.state == "PENDING" else found | {"submitted_at": stamp(review.at)}

    def event(self, happening: Happening) -> Json:
        commit = happening.commit or None
        return {
            "id": happening.id,
            "node_id": _node("EV", happening.id),
            "url": f"{self.url}/issues/events/{happening.id}",
            "actor": self.user(happening.actor),
            "event": happening.event,
            "commit_id": commit,
            "commit_url": f"{self.url}/commits/{commit}" if commit else None,
            "created_at": stamp(happening.at),
            "issue": self.issue(happening.thread),
            "performed_via_github_app": None,
            **happening.details,
        }

    def release(self, release: Release) -> Json:
        own = f"{self.url}/releases/{release.id}"
        hashed = f"untagged-{sha_of(release.tag)[:20]}" if release.draft else release.tag
        return {
            "url": own,
            "assets_url": f"{own}/assets",
            "upload_url": f"{own.replace('api.', 'uploads.')}/assets{{?name,label}}",
            "html_url": f"{self.html}/releases/tag/{hashed}",
            "id": release.id,
            "author": self.user(release.user),
            "node_id": _node("RE", release.id),
            "tag_name": release.tag,
            "target_commitish": release.target,
            "name": release.name,
            "draft": release.draft,
            "immutable": False,
            "prerelease": release.prerelease,
            "created_at": stamp(release.created),
            "updated_at": stamp(release.updated),
            "published_at": stamp(release.published),
            "assets": [],
            "tarball_url": None if release.draft else f"{self.url}/tarball/{release.tag}",
            "zipball_url": None if release.draft else f"{self.url}/zipball/{release.tag}",
            "body": release.body,
        } | dict(release.raw)

    def tag(self, name: str, sha: str) -> Json:
        return {
            "name": name,
            "zipball_url": f"{self.url}/zipball/refs/tags/{name}",
            "tarball_url": f"{self.url}/tarball/refs/tags/{name}",
            "commit": {"sha": sha, "url": f"{self.url}/commits/{sha}"},
            "node_id": _node("REF", int(sha[:12], 16)),
        }

    def _common(self, thread: Thread) -> Json:
        return {
            "number": thread.number,
            "title": thread.title,
            "user": self.user(thread.user),
            "labels": [self._label(name) for name in thread.labels],
            "state": thread.state,
            "locked": False,
            "assignee": None,
            "assignees": [],
            "milestone": None,
            "created_at": stamp(thread.created),
            "updated_at": stamp(thread.updated),
            "closed_at": stamp(thread.closed),
            "body": thread.body,
            "active_lock_reason": None,
        }

    def _counts(self, thread: Thread) -> Json:
        """What only a pull request asked for by its number tells."""
        return {
            "merged": thread.merged is not None,
            "mergeable": None,
            "rebaseable": None,
            "mergeable_state": "unknown",
            "merged_by": self.user(thread.user) if thread.merged else None,
            "comments": len(thread.comments),
            "review_comments": 0,
            "maintainer_can_modify": False,
            "commits": 1,
            "additions": thread.number,
            "deletions": 1,
            "changed_files": 1,
        }

    def _end(self, ref: str, sha: str) -> Json:
        owner = self.repo.name.partition("/")[0]
        return {"label": f"{owner}:{ref}", "ref": ref, "sha": sha, "user": self.user(owner), "repo": self.repository}

    def _label(self, name: str) -> Json:
        id = int(sha_of(name)[:7], 16)
        return {
            "id": id,
            "node_id": _node("LA", id),
            "url": f"{self.url}/labels/{quote(name, errors='replace')}",
            "name": name,
            "color": "ededed",
            "default": False,
            "description": "",
        }

    def _reactions(self, of: str) -> Json:
        return {"url": f"{of}/reactions", "total_count": 0, **dict.fromkeys(_REACTIONS, 0)}
